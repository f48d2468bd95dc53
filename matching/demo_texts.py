"""The texts of the demo city's opportunities, by invented organisations."""

from __future__ import annotations

#: Kind, title, organisation, category, description.
OPPORTUNITIES: tuple[tuple[str, str, str, str, str], ...] = (
    (
        "volunteering",
        "Plant street trees on Saturday mornings",
        "Elm Harbor Tree Corps",
        "Environment",
        (
            "Dig, plant and water young street trees with a crew of neighbors. Tools and gloves "
            "are there."
        ),
    ),
    (
        "volunteering",
        "Shoreline clean-up",
        "Friends of the Harbor",
        "Environment",
        "Collect litter along the beach, sort it and record it for the coastal survey.",
    ),
    (
        "volunteering",
        "Walk shelter dogs",
        "Harbor Animal Shelter",
        "Animals",
        (
            "Rescue dogs need an hour in the park. You learn to handle a leash and to read a "
            "nervous dog."
        ),
    ),
    (
        "volunteering",
        "Foster kittens for six weeks",
        "Harbor Animal Shelter",
        "Animals",
        (
            "Raise orphaned kittens at home until they can be adopted. Food and veterinary care "
            "are paid."
        ),
    ),
    (
        "volunteering",
        "Math tutor for middle school",
        "Second Bell",
        "Education",
        "Help two students with fractions and first algebra, once a week after school.",
    ),
    (
        "volunteering",
        "Read aloud at the library",
        "Elm Harbor Public Library",
        "Education",
        (
            "Read picture books to children from three to six, and to their parents, in English or "
            "Spanish."
        ),
    ),
    (
        "volunteering",
        "English conversation partner",
        "Welcome House",
        "Newcomers",
        "Meet a newly arrived neighbor for an hour a week, drink tea and speak English.",
    ),
    (
        "volunteering",
        "Interpreter for clinic visits",
        "Welcome House",
        "Newcomers",
        (
            "Go with Spanish, Arabic or Dari speakers to the doctor and make sure that both sides "
            "understand."
        ),
    ),
    (
        "volunteering",
        "Citizenship test coach",
        "Welcome House",
        "Newcomers",
        (
            "Practice the questions of the naturalization test and fill in applications with "
            "immigrants."
        ),
    ),
    (
        "volunteering",
        "Deliver hot meals to seniors",
        "Meals on the Hill",
        "Neighbors",
        (
            "Drive a short round at noon, bring a meal and stay for a few words with older people "
            "living alone."
        ),
    ),
    (
        "volunteering",
        "Sort donations at the food pantry",
        "Harbor Food Pantry",
        "Neighbors",
        "Unpack groceries, check dates, fill shelves and pack bags for families.",
    ),
    (
        "volunteering",
        "Cook at the soup kitchen",
        "Open Table",
        "Neighbors",
        (
            "Prepare dinner for a hundred guests with a team of six; kitchen experience is "
            "welcome, not needed."
        ),
    ),
    (
        "volunteering",
        "Small repairs for older homeowners",
        "Handy Neighbors",
        "Housing",
        "Fix doors, railings, cabinets and leaking taps so that seniors can stay safely at home.",
    ),
    (
        "volunteering",
        "Weatherize homes before winter",
        "Handy Neighbors",
        "Housing",
        "Seal windows, insulate pipes and change bulbs in low-income households.",
    ),
    (
        "volunteering",
        "Bicycle repair evening",
        "Spoke & Wheel",
        "Streets",
        "Teach people of all ages to fix a flat, adjust brakes and look after a bike.",
    ),
    (
        "volunteering",
        "Crossing guard at the school street",
        "Safe Streets Now",
        "Streets",
        "Close a street to cars at school hours and help children cross.",
    ),
    (
        "volunteering",
        "Listener on the night line",
        "Harbor Crisis Line",
        "Health",
        "Forty hours of training, then a weekly shift of listening to people in distress.",
    ),
    (
        "volunteering",
        "Blood drive helper",
        "Elm Harbor Health",
        "Health",
        "Welcome donors, keep the list and hand out juice.",
    ),
    (
        "volunteering",
        "Gentle yoga for seniors",
        "Parkside Community Center",
        "Health",
        "Certified teachers lead an hour of chair yoga or easy fitness.",
    ),
    (
        "volunteering",
        "Help with tax returns",
        "Fair Share Tax Clinic",
        "Money",
        (
            "Prepare simple tax returns with families who cannot pay a preparer; accountants train "
            "you."
        ),
    ),
    (
        "volunteering",
        "Resume and interview coach",
        "Next Step Jobs",
        "Money",
        "Look over resumes and practice interviews with people who are out of work.",
    ),
    (
        "volunteering",
        "Website for a small charity",
        "Civic Makers",
        "Technology",
        (
            "Developers and designers build a simple, accessible site for a neighborhood group. "
            "Remote."
        ),
    ),
    (
        "volunteering",
        "Phone and tablet help for beginners",
        "Elm Harbor Public Library",
        "Technology",
        "Show older adults how to write email, spot a scam and see their grandchildren on video.",
    ),
    (
        "volunteering",
        "Paint a mural with teenagers",
        "Walls of Elm Harbor",
        "Arts",
        "Design and paint a wall of the underpass with a group of young artists.",
    ),
    (
        "volunteering",
        "Usher at the summer theater",
        "Harbor Stage",
        "Arts",
        "Greet the audience, tear tickets and see the play for free.",
    ),
    (
        "job",
        "Park maintenance worker",
        "City of Elm Harbor, Parks",
        "Maintenance",
        "Mow, prune, empty bins, repair benches and clear snow. Full time, driving licence needed.",
    ),
    (
        "job",
        "Plumber",
        "City of Elm Harbor, Water",
        "Trades",
        (
            "Install and repair water mains, valves, boilers and drains in public buildings; "
            "licence required."
        ),
    ),
    (
        "job",
        "Electrician, street lighting",
        "City of Elm Harbor, Traffic",
        "Trades",
        (
            "Maintain street lights, traffic signals and their control cabinets. Night shifts by "
            "turns."
        ),
    ),
    (
        "job",
        "Senior accountant",
        "City of Elm Harbor, Finance",
        "Finance",
        (
            "Close the books, reconcile accounts, prepare the audit and the budget reports of two "
            "departments."
        ),
    ),
    (
        "job",
        "Data engineer",
        "City of Elm Harbor, Technology",
        "Technology",
        (
            "Build pipelines in Python and SQL, keep the open data portal fresh and the warehouse "
            "clean."
        ),
    ),
    (
        "job",
        "Paralegal",
        "City of Elm Harbor, Law",
        "Law",
        "Research, draft affidavits, manage case files and interview witnesses in housing cases.",
    ),
    (
        "job",
        "Public health nurse",
        "Elm Harbor Health",
        "Health",
        "Visit families at home, give vaccinations and teach about diabetes and blood pressure.",
    ),
    (
        "job",
        "Preschool teacher",
        "Harbor Children's House",
        "Education",
        "Lead a group of sixteen four-year-olds; degree in early childhood education.",
    ),
    (
        "job",
        "City planner",
        "City of Elm Harbor, Planning",
        "Planning",
        (
            "Zoning studies, maps in GIS, workshops with neighborhoods about housing and safer "
            "streets."
        ),
    ),
    (
        "job",
        "Custodian",
        "Elm Harbor Schools",
        "Maintenance",
        (
            "Clean classrooms and halls, small repairs, open and close the building. No English "
            "needed to start."
        ),
    ),
    (
        "grant",
        "Community garden grant",
        "Elm Harbor Foundation",
        "Environment",
        "Up to 3,000 for raised beds, soil, tools and seeds of a garden that is open to neighbors.",
    ),
    (
        "grant",
        "Small business recovery grant",
        "Harbor Development Fund",
        "Money",
        "For shops with fewer than ten employees: rent, equipment or training.",
    ),
    (
        "grant",
        "Neighborhood arts grant",
        "Elm Harbor Arts Council",
        "Arts",
        "Up to 2,000 for murals, concerts, dance or theater in public places.",
    ),
    (
        "event",
        "Open streets day",
        "Safe Streets Now",
        "Streets",
        "Main Street without cars: bikes, music, food and games for all ages.",
    ),
    (
        "event",
        "Job fair",
        "Next Step Jobs",
        "Money",
        "Forty employers, resume check and interpreters in five languages.",
    ),
)
