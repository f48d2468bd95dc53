"""The kinds of problem a city hears about, as shipped: what each is called, what it covers, how
people put it.

The example phrases are the classifier's first teachers (`classification.py`): they are written the
way reports arrive, short and long, polite and cross, some in Spanish. A city edits them in the
admin.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CategoryText:
    """Everything a `Category` needs except its department. One example a line."""

    slug: str
    name: str
    group: str
    description: str
    keywords: tuple[str, ...]
    phrases: str

    @property
    def examples(self) -> list[str]:
        return [line.strip() for line in self.phrases.strip().splitlines()]


TAXONOMY = (
    CategoryText(
        slug="pothole",
        name="Pothole or damaged road",
        group="Streets",
        description="Holes, cracks, sinkholes and broken asphalt in the roadway; streets that need repaving.",
        keywords=(
            "pothole",
            "asphalt",
            "pavement",
            "repave",
            "road surface",
            "sinkhole",
            "bumpy",
            "bache",
        ),
        phrases="""
            Pothole
            Huge pothole in the middle of the road
            There is a deep pothole near the intersection, I almost lost a tire
            Several potholes along this block, please fill them
            Resident reports potholes in front of the house, please patch as soon as possible
            The road surface is crumbling and full of holes
            This street is in terrible condition and needs to be repaved
            Bad patch job, the asphalt has come out again and the hole is back
            I hit a hole in the street and it damaged my rim and alignment
            Sinkhole forming in the street next to the manhole cover
            The manhole cover sits too low and cars bang over it
            The trench dug by the gas company was never paved properly and has sunk
            Cars swerve into the other lane to avoid the crater
            A large dip in the pavement that jolts every car
            Bumpy, uneven road, it feels like driving on the moon
            The street has not been paved in twenty years, it needs milling and resurfacing
            Pot holes all over the parking lane and travel lane
            Cyclists are falling because of the cracks in the road
            Potholes opened again after the winter, the whole stretch is dangerous
            Metal plate in the road is loose and makes a loud noise
            Road collapsing at the edge, big gap in the blacktop
            The cut in the pavement from utility work is settling
            Speed hump is breaking apart and leaving chunks of asphalt
            The pothole by the bus stop is a foot deep and full of water
            Axle breaking hole at the top of the hill
            When will our road be repaved, it is one pothole after another
            Pothole has been reported before and is getting bigger
            Pothole across from the school entrance on the right hand side
            Exit ramp has a giant pothole that blew out my tire
            Loose gravel and broken pavement in the roadway
            Hay un bache muy grande en la calle frente a mi casa
            La calle está llena de hoyos y necesita asfalto
            Un hueco en el pavimento me dañó la llanta
        """,
    ),
    CategoryText(
        slug="tree_trim",
        name="Tree trimming",
        group="Trees and parks",
        description="Living trees on public land whose branches hang low, touch wires or houses, or need pruning.",
        keywords=(
            "branch",
            "limb",
            "prune",
            "trim",
            "overhanging",
            "low hanging",
            "wires",
            "ramas",
            "podar",
        ),
        phrases="""
            Tree needs trimming
            Tree branches hanging over my roof, please prune them
            Low hanging branches over the sidewalk, people have to duck
            A large limb is broken and hanging in the tree
            Tree limbs are touching the power lines
            Branches scrape against the house whenever it is windy
            Please trim the city tree in front of our house
            Dead branch over the street that may come down on a car
            The tree blocks the street light and should be cut back
            Overgrown tree is hiding the stop sign, needs pruning
            Tree limbs are rubbing against the gutters and the siding
            Resident requests pruning for house clearance
            Branches keep dropping on parked cars
            Limbs need to be raised, trucks and buses hit them
            Cut back the limbs entangled with the cable and telephone wires
            A branch has split and is about to fall
            Large limb fell from the tree and the rest is cracked
            The trees on our block have not been pruned for years
            City tree is overgrown and hangs into my yard
            Dead limbs in the big oak in front of the building
            Branches are so low I cannot see when I back out of the driveway
            Trim the suckers and low growth at the base of the tree
            Request to have the two maple trees in front trimmed
            Storm left broken branches up in the tree
            Bushes and branches grow across the path and need to be cut back
            Tree is leaning on the wires after the storm, branches must be removed
            Leaves and limbs are over the driveway, needs a trim
            Please inspect the tree, limbs are over the house
            Branches fall each time it storms, requesting tree service
            Hanger in tree, hazardous limb above the walkway
            Las ramas del árbol tocan los cables de luz
            Por favor poden el árbol, las ramas cuelgan sobre la acera
            Una rama grande está por caerse
        """,
    ),
    CategoryText(
        slug="tree_removal",
        name="Tree or stump removal",
        group="Trees and parks",
        description="Dead, rotten, diseased or fallen trees on public land and stumps that have to be taken away.",
        keywords=(
            "dead tree",
            "stump",
            "fallen tree",
            "rotten",
            "diseased",
            "uprooted",
            "cut down",
            "tronco",
        ),
        phrases="""
            Dead tree needs to be removed
            Remove the stump left after the tree was cut down
            The whole tree is dead and could fall at any moment
            Tree trunk is hollow and rotten at the base
            A tree came down and is lying across the lawn
            Fallen tree, please take it away
            Tree is diseased, with mushrooms growing out of the trunk
            Requesting removal of the dead tree in front of the house
            Stump grinding requested
            The roots of this tree lift the ground, please take the tree out
            The tree leans badly toward the house and should be taken down
            Dying tree has lost all its bark and leaves
            City cut the tree but never removed the stump
            Resident believes the tree is dead, please inspect for removal
            Old tree is falling apart piece by piece and must come down
            Split trunk, tree will fall on the house
            Tree uprooted by the storm
            Two dead trees at the curb strip, please remove and replant
            The tree is rotting inside and ants are eating it
            Remove tree, its roots are breaking into the foundation and pipes
            Please cut down this tree, it is dangerous
            Big tree with a cavity in its trunk, no leaves this summer
            Tree stump in front of the house is a hazard
            Tree has been marked for removal for a year and still stands
            The elm is sick and should be removed before it infects the others
            Logs and trunk left behind after a tree was felled
            Tree is 90 percent dead and unsafe, take it down
            Hay un árbol muerto que deben quitar
            Saquen el tronco que quedó después de cortar el árbol
            El árbol se cayó y hay que removerlo
        """,
    ),
    CategoryText(
        slug="street_light",
        name="Street light",
        group="Lighting and signals",
        description="Street lamps that are out, flicker, burn by day, are damaged, or are missing where it is dark.",
        keywords=(
            "street light",
            "street lamp",
            "lamp post",
            "bulb",
            "pole",
            "dark",
            "flickering",
            "farol",
            "alumbrado",
        ),
        phrases="""
            Street light is out
            Street lamp out in front of number 12
            Replace the bulb in the street lamp on pole 4411
            Light pole 318 is not working
            Several street lights in a row are out and the block is very dark
            The lamp flickers on and off all night
            Street light stays on during the day
            The light on the utility pole has been out for weeks
            Streetlight is broken and hanging from the pole
            It is pitch dark at night here, we need a street light
            Light cycles on and off every few minutes
            Lamp post was knocked down by a car
            Very dim light, needs a brighter bulb
            Request for additional lighting, it does not feel safe to walk at night
            Pole number 2207, lamp is burned out
            All lights along this side of the street are off
            The globe on the lamp is broken
            The decorative lights on the main street are not working
            Two of the four lamps at the bus stop are dark
            Light is buzzing and blinking
            Open electrical panel with exposed wires at the base of the light pole
            The street light shines directly into my bedroom, please shield it
            The lights under the bridge do not work
            Light out at the corner, accident waiting to happen
            New LED lamp is strobing at night
            Utility pole 1552 light out
            The lamp outside my building has burnt out and criminals like the dark
            Lights on the footpath and at the underpass have been off since last month
            Outage of street lighting on the entire road
            The pole is leaning and the lamp dangles
            La luz de la calle no funciona
            El farol está apagado y la cuadra está muy oscura
            El poste de luz parpadea toda la noche
        """,
    ),
    CategoryText(
        slug="sidewalk",
        name="Sidewalk or curb damage",
        group="Streets",
        description="Cracked, lifted or missing sidewalks, broken curbs and aprons, missing wheelchair ramps.",
        keywords=(
            "sidewalk",
            "curb",
            "concrete",
            "slab",
            "trip hazard",
            "wheelchair ramp",
            "apron",
            "acera",
            "banqueta",
        ),
        phrases="""
            Sidewalk is broken
            Broken sidewalk is a trip hazard, please inspect
            The concrete in front of my house is cracked and uneven
            Sidewalk slabs lifted by tree roots, people are tripping
            The curb is crumbling and needs to be replaced
            My mother fell on the uneven sidewalk
            No wheelchair ramp at this corner, curb cut is missing
            Sidewalk needs repair in front of 55 on the left side
            You cannot push a stroller or a wheelchair over this sidewalk
            Please send someone to do a sidewalk inspection
            A section of the sidewalk is missing and there is only dirt
            Driveway apron is cracked and sunken
            The sidewalk has heaved several inches
            A plow hit the curb and broke it off
            Bricks on the walkway are loose or missing
            There is a hole in the sidewalk
            Sidewalks on the whole block are in terrible condition
            Tree roots pushed up the pavement of the footpath
            We were on the list for a new sidewalk, when will it be done?
            The ramp at the crosswalk is broken and a wheelchair gets stuck
            Sidewalk collapsed next to the hydrant
            The contractor tore up the sidewalk and never restored it
            Curbing is missing so water and cars come onto the lawn
            Sidewalk is completely deteriorated and dangerous for elderly people
            Overgrown hedge covers half of the sidewalk so pedestrians walk in the street
            Cracked walkway, tripped and hurt my knee
            Need new sidewalks and curbs on this street
            Sidewalk blocked by construction fence, no path for pedestrians
            Uneven pavers are a hazard to walkers
            Weeds grow through the cracks of the sidewalk
            La acera está rota y la gente se tropieza
            La banqueta está levantada por las raíces
            Falta una rampa para sillas de ruedas en la esquina
        """,
    ),
    CategoryText(
        slug="snow",
        name="Snow and ice",
        group="Streets",
        description="Streets not plowed, sidewalks not shovelled, ice, snow banks, and cars that block the plows.",
        keywords=(
            "snow",
            "ice",
            "plow",
            "shovel",
            "salt",
            "icy",
            "snowbank",
            "blizzard",
            "nieve",
            "hielo",
        ),
        phrases="""
            Street has not been plowed
            Our street still has not seen a plow since the storm
            Sidewalk is not shovelled and covered with ice
            Please plow and salt this road, it is a sheet of ice
            The plow left a mountain of snow in front of my driveway
            Snow bank at the corner blocks the crosswalk
            Owner never clears the snow from the sidewalk
            Snow was not removed from the bus stop
            Icy road, cars are sliding down the hill
            The plow only made one pass and cars cannot get through
            Nobody has shovelled the walkway at this property, students walk in the street
            Cars parked on the wrong side during the snow emergency, plow could not get through
            Parking ban not enforced, cars buried in snow narrow the street
            Snow piled so high that you cannot see oncoming traffic
            Neighbor is throwing snow from his driveway into the street
            The intersection has not been cleared, large mounds of snow
            Need sanding, black ice everywhere
            Water runs across the road and freezes into ice
            Emergency vehicles could not get down this unplowed street
            My street was skipped by the snow plows again
            Unshovelled sidewalk for several days, impassable
            City sidewalk along the park needs to be cleared of snow
            Curb ramp is blocked by plowed snow, wheelchairs cannot cross
            Hydrant buried in snow
            Snow plow knocked over my mailbox
            It is three days after the blizzard and we are still snowed in
            Bridge walkway has not been cleared of ice and snow
            One lane only because of the snow, two cars cannot pass
            Landlord refuses to shovel in front of the apartment building
            Slush refroze overnight, please put salt down
            No han quitado la nieve de la calle
            La acera está cubierta de hielo y nadie la limpia
            El camión de nieve no ha pasado por aquí
        """,
    ),
    CategoryText(
        slug="drain",
        name="Drainage, flooding and sewers",
        group="Water",
        description="Clogged storm drains and catch basins, flooded streets, sewer smells, leaks, water mains.",
        keywords=(
            "drain",
            "catch basin",
            "flood",
            "sewer",
            "manhole",
            "clogged",
            "standing water",
            "leak",
            "alcantarilla",
        ),
        phrases="""
            Storm drain is clogged
            Catch basin is blocked with leaves and the street floods
            Water does not drain and makes a huge puddle at the corner
            Street floods every time it rains
            The sewer is backing up into my basement
            Drain is full of dirt and debris and needs to be cleaned out
            Standing water in front of my driveway for days
            The grate over the storm drain is broken
            Sewer smell coming from the manhole
            Manhole cover is missing
            Water main break, water is gushing into the street
            Catch basin has collapsed, the asphalt around it is sinking
            Please clean the drains before the next storm
            Flooding at the underpass, cars are stalling
            There is water bubbling up through the pavement
            Basement flooded because the city drain is blocked
            Hydrant is leaking
            Storm drain cover is missing and a child could fall in
            Water pools at the crosswalk and pedestrians have to wade
            The gutter is filled with leaves so rain runs into our yards
            There is no drain here, runoff from the road erodes my lawn
            Puddle freezes in winter because the water has nowhere to go
            Raw sewage in the road after heavy rain
            Requesting that public works clear the catch basin in front of number 40
            Broken pipe under the street, water running constantly
            Rain water ponds along the curb, mosquitoes breed in it
            The drain makes the road cave in around it
            Two drains on this block are plugged and need a vacuum truck
            When it rains this road becomes a lake
            Sewer grate is loose and rattles
            El desagüe está tapado y la calle se inunda
            La alcantarilla no tiene tapa
            Hay agua estancada que huele mal
        """,
    ),
    CategoryText(
        slug="traffic_safety",
        name="Traffic safety",
        group="Streets",
        description="Speeding, dangerous crossings and intersections, crosswalks, speed humps and traffic calming.",
        keywords=(
            "speeding",
            "crosswalk",
            "speed bump",
            "dangerous intersection",
            "pedestrian",
            "accident",
            "exceso de velocidad",
        ),
        phrases="""
            Cars are speeding on our street
            Drivers run the stop sign at this corner all day
            We need speed bumps, children play here
            Crosswalk paint is worn away and drivers do not stop for pedestrians
            Dangerous intersection, there was another accident last night
            I was almost hit while crossing the street
            Please paint a crosswalk in front of the school
            Cars and trucks fly down the hill at fifty miles an hour
            Drivers run red lights here constantly
            Pedestrians have no safe place to cross
            Trucks use this residential street as a shortcut
            Need a four way stop here before somebody is killed
            Cars drive the wrong way down this one way street
            Request for traffic calming in our neighborhood
            Cars pass the stopped school bus
            Lane markings have faded and drivers do not know where to go
            Bike lane is needed, cyclists are being squeezed by cars
            Cars parked in the bike lane force cyclists into traffic
            No one yields at the crosswalk even when people are in it
            Cannot see oncoming cars when turning because of the parked cars
            Please put a radar or police officer here to slow down the drivers
            Hit and run at this corner, the third crash this year
            Drivers turn right on red without looking for pedestrians
            Buses block the intersection and run the light
            Tree down blocking the road
            Object in the roadway is a hazard for drivers
            Motorists cut through the gas station to avoid the light
            The double yellow line needs repainting
            Guardrail is smashed and no longer protects anyone
            Drag racing at night on the avenue
            Speed limit is ignored by everyone, please enforce it
            Poor sight lines, every turn is a gamble
            Los carros pasan a exceso de velocidad y hay niños
            Necesitamos un cruce peatonal, es muy peligroso
            Nadie respeta la señal de pare en esta esquina
        """,
    ),
    CategoryText(
        slug="trash",
        name="Trash and recycling collection",
        group="Sanitation",
        description="Missed pickups, overflowing or missing bins and toters, litter, and garbage set out wrongly.",
        keywords=(
            "trash",
            "garbage",
            "recycling",
            "toter",
            "bin",
            "pickup",
            "litter",
            "bulk",
            "basura",
            "reciclaje",
        ),
        phrases="""
            Trash was not picked up
            Recycling was not collected this week
            Garbage missed on the whole street
            Our bin was not emptied although it was at the curb on time
            Overflowing trash can on the corner
            I need a new recycling bin, mine was stolen
            Trash toters left out on the sidewalk all week
            Garbage bags piled at the curb, crows and rats tear them open
            The public litter basket is full and has not been emptied
            Litter all over the street and the sidewalk
            Neighbors put out their trash on the wrong day
            Trash truck skipped our house again
            Request for bulk pickup of an old couch
            My trash container was damaged by the truck, please replace it
            Recycling cart is contaminated with garbage so they would not take it
            Trash cans are never brought in and block the sidewalk
            Garbage from the restaurant dumpster spills everywhere
            Please put a trash can at the bus stop
            Workers left half of the trash in the road
            Loose trash blowing around the neighborhood
            Mattress and furniture sitting out for pick up on the curb
            Yard waste and leaf bags have not been collected
            Trash pickup is late, the bins have been out for three days
            Household garbage in the blue recycling toter
            Please empty the garbage cans on the green
            Residents put out loose bags without toters
            Dead animal in the road, please pick it up
            Bottles, cans and food wrappers everywhere
            Trash in front of this address for two weeks
            Recycles not picked up at the house, requesting pickup
            No recogieron la basura esta semana
            No pasó el camión de reciclaje
            El bote de basura de la esquina está lleno
        """,
    ),
    CategoryText(
        slug="dumping",
        name="Illegal dumping",
        group="Sanitation",
        description="Mattresses, furniture, tires, rubble and bags that somebody dumped on a street, lot or path.",
        keywords=(
            "illegal dumping",
            "dumped",
            "mattress",
            "tires",
            "sofa",
            "construction debris",
            "tiraron",
        ),
        phrases="""
            Illegal dumping
            Someone dumped a mattress and a sofa on the sidewalk
            Pile of old tires dumped in the empty lot
            Construction debris was dumped at the end of the street
            Contractor throws his rubble by the river
            People keep dumping furniture and trash at this corner
            A truck pulled up and dumped bags of garbage in the woods
            Televisions and couches left along the road
            Somebody evicted a tenant and put everything on the curb
            Dumping of household junk behind the building, it has been there for weeks
            Mattresses and box springs leaning against the fence
            The vacant lot has become a dump
            Neighbor is dumping his yard waste onto city property
            Paint cans and oil containers were dumped by the stream
            Old refrigerator abandoned on the tree belt
            Large pile of debris and junk left on the side of the road
            This spot is a magnet for illegal dumpers, please put up a camera
            Bags of trash thrown over the embankment
            Broken furniture and clothes dumped next to the donation bin
            Shopping carts and rubbish dumped along the tracks
            Toilet, carpet and wood left on the sidewalk by a landlord
            Mountain of garbage in the alley, nobody knows who left it
            A trailer full of debris was emptied here overnight
            Tires again! Fifth time this year they are left here
            Tree company dumped logs and brush in the park
            Resident reports illegal dumping at the dead end
            I saw the license plate of the man who dumped the trash
            Discarded appliances, mattress and chairs on the corner
            Someone is using our dumpster and leaving furniture beside it
            Alguien tiró un colchón y muebles en la esquina
            Tiran basura y escombros en el lote vacío
            Dejaron llantas viejas en la calle
        """,
    ),
    CategoryText(
        slug="police",
        name="Police matters and noise",
        group="Safety",
        description="Drugs, dirt bikes, noise, loitering, theft and other disorder that wants police attention.",
        keywords=(
            "police",
            "drugs",
            "dirt bike",
            "noise",
            "loud music",
            "loitering",
            "theft",
            "gang",
            "policía",
            "ruido",
        ),
        phrases="""
            Drug dealing on the corner every night
            Dirt bikes and quads racing up and down the street
            Loud music from the house next door until three in the morning
            Police should patrol here more often
            Group of people loitering and drinking in front of the store
            Gunshots heard last night
            My car was broken into
            Illegal ATVs riding on the sidewalk and in the park
            Prostitution in the parking area behind the building
            Noise complaint, barking dogs and parties
            Suspicious people going in and out of that house at all hours
            Fireworks every night
            Aggressive panhandlers harass people at the exit
            Someone is sleeping and using needles in the stairwell
            Bicycles ride on the sidewalk and almost knock people over
            Teenagers throw rocks at cars
            Street gang hanging around, residents are afraid
            Bike was stolen from the rack
            Called the police and nobody came
            Officers sit in the car texting while the crowd blocks the street
            We want foot patrols and more officers in this neighborhood
            Car stereo so loud that my windows shake
            Motorcycles doing wheelies without helmets
            Vandals smashed the windows of cars
            Used syringes found near the playground
            People fighting outside the bar at closing time
            Abandoned or stolen car has been sitting on the street without plates
            Dog off leash attacked my dog
            Scooters and mini motorcycles on the walking trail
            Robbery at the bus stop, we need police presence
            Venden drogas en esta esquina
            Música muy alta toda la noche, no podemos dormir
            Motos todo terreno corren por la calle
        """,
    ),
    CategoryText(
        slug="signs",
        name="Street and traffic signs",
        group="Lighting and signals",
        description="Signs that are missing, knocked down, faded, hidden or wrong, and requests for new ones.",
        keywords=(
            "sign",
            "stop sign",
            "street sign",
            "missing sign",
            "faded",
            "knocked down",
            "letrero",
            "señal",
        ),
        phrases="""
            Stop sign is missing
            The stop sign was knocked down by a car
            Street name sign is missing at this corner
            Sign is faded and cannot be read
            The sign post is bent over
            One way sign points in the wrong direction
            Please install a no parking sign
            The yield sign is hidden behind branches
            We need a children at play sign
            Handicapped parking sign is gone
            Dead end sign requested, trucks keep turning around in our drives
            No parking signs contradict each other
            The speed limit sign has fallen off its pole
            Sign is twisted around and faces the wrong way
            Street signs were stolen
            Replace the do not enter sign
            There is no sign telling drivers this is one way
            School zone sign is damaged
            The sign lies on the ground next to its pole
            Temporary signs from the construction were never taken down
            Request for signage, visitors cannot find the street
            The pedestrian crossing sign in the middle of the road was run over
            No sign for the street at the intersection, deliveries get lost
            Old rusted signs need replacing
            Sign says wrong hours for parking
            No thru trucks sign should be posted
            Stop sign is leaning and about to fall
            Post signs against littering
            Illegal advertising signs nailed to the poles
            Falta la señal de pare
            El letrero con el nombre de la calle se cayó
            La señal está borrosa y no se puede leer
        """,
    ),
    CategoryText(
        slug="graffiti",
        name="Graffiti",
        group="Sanitation",
        description="Tags, paint, stickers and scrawled words on walls, poles, boxes, bridges and other surfaces.",
        keywords=("graffiti", "tag", "tagged", "spray paint", "vandalism", "grafiti", "pintada"),
        phrases="""
            Graffiti
            Graffiti on the wall of the building
            Tag on the utility box
            Somebody spray painted the bridge
            Big white tag on the side of the store
            The underpass is covered with graffiti
            Obscene words painted on the playground slide
            Tags on the mailbox and on the newspaper boxes
            Graffiti on the back of the stop sign
            The word is written in black marker on the door
            Please remove the graffiti from the retaining wall
            Gang tags on the fence
            Swastika painted on the wall
            Freshly tagged last night, the blue paint is on the garage
            Stickers and scribbles all over the lamp posts
            Red spray paint on the sidewalk
            Graffiti on a railroad bridge, says a name in large letters
            The monument has been defaced with paint
            Tagger hit three buildings on this block
            Building owner needs to paint over the graffiti
            It says a nickname in silver letters on the brick
            Graffiti on the electrical cabinet at the corner
            Vandals tagged the bus shelter
            Painted symbols on the garage door
            Foul language written on the bench
            Tags on a vacant storefront
            Grafiti en la pared del edificio
            Pintaron la pared con aerosol
            Quiten las pintadas de la caja eléctrica
        """,
    ),
    CategoryText(
        slug="signal",
        name="Traffic signal",
        group="Lighting and signals",
        description="Traffic lights and walk signals that are dark, stuck, badly timed or missing.",
        keywords=(
            "traffic light",
            "traffic signal",
            "walk signal",
            "green light",
            "red light",
            "timing",
            "semáforo",
        ),
        phrases="""
            Traffic light is out
            Traffic signal is stuck on red
            The light never turns green for the side street
            Walk signal does not work when the button is pushed
            The green arrow for left turns is too short, only two cars get through
            Traffic light is blinking red in all directions
            Signal timing causes a long backup
            The light takes forever to change
            The pedestrian button is broken
            Left turn arrow needed at this light
            The traffic light was turned by the wind and faces the wrong way
            Bulb is out in the red light
            The lights are not synchronized and traffic stops at every corner
            No time to cross, the walk sign changes after five seconds
            The sensor does not detect my car and I sit through several cycles
            Green light lasts three seconds
            The light is still on flash, it should be back to normal
            Please install a traffic light at this intersection
            The countdown timer is dark
            Both directions have green at the same time
            A truck hit the signal and it is dangling from the wire
            Request a no turn on red at this signal
            The light cycles incorrectly since the repair
            Turn signal was removed and now nobody can turn
            Crosswalk signal never changes to walk
            Walk light speaker has stopped beeping for the blind
            Cyclists do not trip the light
            Red light is too long in the morning when there is no traffic
            El semáforo no funciona
            El semáforo se queda en rojo mucho tiempo
            El botón para peatones está roto
        """,
    ),
    CategoryText(
        slug="parks",
        name="Parks and playgrounds",
        group="Trees and parks",
        description="Upkeep of parks, playgrounds, fields, beaches and trails: benches, fences, courts, grass.",
        keywords=(
            "park",
            "playground",
            "bench",
            "swing",
            "field",
            "trail",
            "beach",
            "basketball court",
            "parque",
        ),
        phrases="""
            The playground equipment is broken
            Swing is missing a seat in the park
            Park bench needs to be repaired
            Grass in the park has not been mowed
            The basketball hoop has no net and the court is cracked
            Water fountain in the park does not work
            Broken fence around the ball field
            Trail is washed out and muddy
            The beach needs to be cleaned
            Park bathrooms are locked and dirty
            Cars drive into the park where they are not allowed
            The slide has a sharp edge and a child was cut
            We would love a dog park here
            The picnic tables in the park are rotten
            Please plant flowers in the park planters
            Splash pad is not turned on
            Railing along the park path is missing
            Geese have fouled the whole lawn of the park
            The boat ramp in the park is damaged
            The gate of the park is left open at night
            Weeds have taken over the tennis courts
            Footbridge on the trail has broken boards
            The statue in the park has lost its plaque
            The lights at the tennis courts in the park are out
            Baseball diamond floods and needs new clay
            Community garden needs water and mulch
            Invasive vines are smothering the trees along the park trail
            El columpio del parque está roto
            El parque está descuidado y el pasto muy alto
            Los bancos del parque necesitan reparación
        """,
    ),
    CategoryText(
        slug="parking",
        name="Parking",
        group="Streets",
        description="Illegally parked cars, blocked driveways and hydrants, broken meters, permits and tickets.",
        keywords=(
            "parking",
            "parked",
            "meter",
            "ticket",
            "permit",
            "driveway",
            "hydrant",
            "tow",
            "estacionado",
        ),
        phrases="""
            Cars are illegally parked here every day
            Car is blocking my driveway
            Parking meter is broken and eats coins
            Vehicles park in front of the fire hydrant
            Car parked on the sidewalk
            Double parked trucks block the lane
            People without a permit park in the resident zone
            The parking meter does not accept cards
            I got a ticket although I had paid the meter
            Cars park too close to the corner
            Please enforce the parking rules on this street
            Delivery vans park in the bus stop
            A car has not moved for three weeks
            Someone parks in the handicapped space without a placard
            There is nowhere to park, we want resident permits
            Commercial trucks parked overnight in a residential street
            Parents double park at school pickup
            Cars parked on both sides make the road too narrow
            The car should be towed, it is parked in a no parking zone
            Meter maid never comes to our block
            Cars parked on the grass and the lawn
            The pay station for parking is out of order
            Parking spaces are not marked
            Cars are parked facing the wrong way
            A boat on a trailer takes up two parking spaces
            Please add a loading zone and change the parking hours
            Valet takes all public parking spots
            Hay carros estacionados ilegalmente
            Un carro bloquea la entrada de mi casa
            El parquímetro no funciona
        """,
    ),
    CategoryText(
        slug="sweeping",
        name="Street sweeping",
        group="Sanitation",
        description="Streets that need to be swept: leaves, sand, grit and glass; sweeping days and their notices.",
        keywords=("street sweeping", "sweeper", "sweep", "leaves", "swept", "barrer"),
        phrases="""
            Street needs to be swept
            The street sweeper has not come to our street this year
            Leaves have piled up along the curb, please sweep
            Sand and grit from the winter is still on the road
            The sweeper skipped our block because of parked cars
            When is street sweeping scheduled for this neighborhood?
            No notice was posted before the street sweeping
            Broken glass all over the road, please send the sweeper
            My car was towed on street sweeping day and there was no sign
            Gutters are full of debris since the sweeper never comes
            Street cleaning is needed after the festival
            Street has not been cleaned since the spring
            The sweeper only pushed the dirt around
            Please post signs for street sweeping so that people move their cars
            Leaf pile in the road needs to be swept up
            The roadway is covered with dirt from the construction
            Request a street sweeper for the dead end
            Sweeping signs were put up but nobody swept
            Dusty street, gravel and litter along the curbs
            The bike lane is full of sand and glass and needs sweeping
            Cars not moved on sweeping day, nobody tagged or towed them
            Wet leaves make the street slippery
            Mud tracked onto the street by trucks
            We pay taxes and our street is never swept
            Street sweeping schedule on the website is wrong
            Hay que barrer la calle, está llena de hojas
            La barredora no ha pasado por nuestra calle
            La calle está sucia con tierra y vidrios
        """,
    ),
    CategoryText(
        slug="private",
        name="Private property and housing code",
        group="Housing",
        description="Abandoned, unsafe or neglected buildings and yards: tall grass, vermin, junk, landlords.",
        keywords=(
            "abandoned house",
            "vacant",
            "landlord",
            "overgrown",
            "housing code",
            "rats",
            "blight",
            "casa abandonada",
        ),
        phrases="""
            Abandoned house with broken windows
            Vacant building is open and people go in
            The grass in the yard is three feet tall
            Landlord does not take care of the property
            Overgrown yard full of weeds and junk
            Rats and mice come from the house next door
            The porch is falling down and dangerous
            No heat in the apartment and the owner does nothing
            Blighted property, owner should be fined
            The back yard is full of garbage and old cars
            Boarded up house where squatters live
            Raccoons are living in the abandoned house
            Owner runs a rooming house without a license
            The roof has a tarp and the building is falling apart
            Pieces of the building facade fall to the sidewalk
            Neighbor's fence has collapsed onto my property
            Unregistered cars are stored in the yard
            Bed bugs and roaches in the apartment building
            An auto repair business is run from a residential garage
            The dumpster of the apartment complex overflows and smells
            Neighbor's bushes have overtaken the sidewalk, contact the owner
            Foreclosed home, nobody mows the lawn
            Chickens and roosters are kept in the back yard
            Construction without a permit at this house
            Tenant reports mold and leaking ceilings
            The garage behind the house burned and was never torn down
            Owner leaves trash and furniture all over the property
            The fire damaged building is still not secured
            Vacant lot owned by a company is a jungle of weeds
            Poison ivy from private land climbs over the wall
            Casa abandonada con ventanas rotas
            El dueño no cuida la propiedad y hay ratas
            El pasto del terreno está muy alto
        """,
    ),
)
