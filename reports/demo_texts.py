"""Texts of the demo city's reports: category slug, title, description with a `{street}`."""

REPORTS: tuple[tuple[str, str, str], ...] = (
    (
        "pothole",
        "Deep pothole at the crossing",
        "A pothole the size of a dinner plate on {street}. Cars swerve into the bike lane.",
    ),
    (
        "street_light",
        "Street light out for a week",
        (
            "The lamp on {street} has been dark since last week, and the bus stop below it is "
            "pitch black."
        ),
    ),
    (
        "trash",
        "Bins were not emptied",
        "Nobody came for the bins on {street} on the usual day, and now the bags are piling up.",
    ),
    (
        "graffiti",
        "Tags all over the wall",
        "Fresh spray paint on the long wall along {street}, about ten metres of it.",
    ),
    (
        "sidewalk",
        "Slabs lifted by roots",
        "The sidewalk on {street} is so uneven that my neighbour's wheelchair cannot pass.",
    ),
    (
        "drain",
        "Blocked storm drain",
        "The drain on {street} is full of leaves, and every rain floods the crossing.",
    ),
    (
        "traffic_safety",
        "Cars race past the school",
        (
            "Drivers on {street} ignore the speed limit when children walk to school. We need "
            "speed humps."
        ),
    ),
    (
        "tree_trim",
        "Branches hide the stop sign",
        "The tree on {street} has grown over the stop sign; you see it only at the last moment.",
    ),
    (
        "dumping",
        "Mattresses left at the roadside",
        "Somebody unloaded three mattresses and a sofa at the end of {street} during the night.",
    ),
    (
        "parking",
        "Delivery vans block the bike lane",
        (
            "Every morning vans park in the bike lane on {street}, and cyclists have to ride in "
            "traffic."
        ),
    ),
    (
        "signal",
        "Traffic light stuck on red",
        "The signal on {street} has been red in one direction since six this morning.",
    ),
    (
        "parks",
        "Broken swing at the playground",
        "One chain of the swing in the little park off {street} is torn. A child could fall.",
    ),
    (
        "signs",
        "Street sign bent to the ground",
        "The sign at the corner of {street} was hit by a truck and lies on the grass.",
    ),
    (
        "snow",
        "Crossing not cleared of snow",
        "The plough left a wall of snow across the crossing on {street}; prams cannot get through.",
    ),
    (
        "police",
        "Loud gatherings every night",
        "People meet on the steps on {street} after midnight, shouting and setting off fireworks.",
    ),
    (
        "private",
        "Empty house with open doors",
        "The vacant house on {street} stands open, the yard is overgrown, and rats come out of it.",
    ),
    (
        "sweeping",
        "Street full of leaves and glass",
        "{street} has not been swept for months. Broken glass all along the gutter.",
    ),
    (
        "tree_removal",
        "Dead tree leaning over the road",
        "The big maple on {street} is dead and leans towards the power line. Please take it down.",
    ),
    (
        "pothole",
        "Row of potholes after the winter",
        "At least six holes on {street} between the bakery and the bridge.",
    ),
    (
        "trash",
        "Overflowing litter basket",
        (
            "The basket at the bus stop on {street} has overflowed for days, and wind carries the "
            "paper away."
        ),
    ),
    (
        "street_light",
        "Lamp flickers all night",
        "The lamp opposite my window on {street} goes on and off every few seconds.",
    ),
    (
        "drain",
        "Water comes up through the manhole",
        "Brown water with a strong smell rises from the manhole on {street} when it rains.",
    ),
    (
        "sidewalk",
        "Missing curb ramp",
        "There is no ramp at the corner of {street}. With a walker I have to use the roadway.",
    ),
    (
        "graffiti",
        "Paint on the underpass",
        "The underpass near {street} was cleaned in spring and is covered again.",
    ),
    (
        "traffic_safety",
        "No one stops at the crosswalk",
        "The stripes on {street} are worn away, and drivers do not stop for people crossing.",
    ),
    (
        "parking",
        "Abandoned car without plates",
        "A grey car without plates has been parked on {street} for a month. Two tires are flat.",
    ),
    (
        "parks",
        "Benches need repair",
        "Two benches by the pond near {street} have lost their boards.",
    ),
    (
        "dumping",
        "Construction rubble in the lot",
        "A load of bricks and plaster was dumped in the empty lot on {street}.",
    ),
    (
        "tree_trim",
        "Branch hanging on a cable",
        "A large branch came down in the storm and hangs on the telephone cable on {street}.",
    ),
    (
        "signal",
        "Walk button does nothing",
        "The push button on {street} is broken, so the walk light never comes.",
    ),
    (
        "snow",
        "Bus stop buried in snow",
        "The bus stop on {street} has not been shovelled; people wait in the roadway.",
    ),
    (
        "private",
        "Yard used as a scrap heap",
        "The owner on {street} keeps fridges and old tires in the front yard.",
    ),
    (
        "signs",
        "One-way sign missing",
        (
            "Since the works ended, the one-way sign on {street} is gone, and cars come from both "
            "sides."
        ),
    ),
    (
        "sweeping",
        "Sand left over from winter",
        "There is still winter sand on {street}, and bicycles slip in the curve.",
    ),
    (
        "police",
        "Car windows smashed",
        (
            "Three cars on {street} had their windows smashed last night. Could a patrol come by "
            "more often?"
        ),
    ),
    (
        "tree_removal",
        "Stump in the middle of the walk",
        "The tree was cut, but the stump on {street} still blocks half of the sidewalk.",
    ),
)
