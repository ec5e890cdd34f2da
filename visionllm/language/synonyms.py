"""Names of the same thing, to teach and to test synonyms in class maps; British and spelling variants among them.

Compiled by hand, and widened from the synsets of WordNet 3.0 (Princeton University). Pascal VOC's spellings of COCO's
names are held out for tests, as are the things that they name.
"""

_TRAIN = """
bicycle = bike = pushbike; cell phone = mobile phone = smartphone = cellphone = cellular phone;
refrigerator = fridge = icebox; person = human = human being; child = kid = youngster; baby = infant;
teenager = adolescent = teen; adult = grown-up; mother = mom = mum; father = dad = daddy;
grandmother = grandma = granny; grandfather = grandpa = granddad; husband = hubby; doctor = physician = medic;
dentist = tooth doctor; lawyer = attorney; farmer = granger; cyclist = bicyclist; motorist = car driver;
photographer = lensman; goalkeeper = goalie = goaltender; pianist = piano player; guitarist = guitar player;
flutist = flautist = flute player; cellist = cello player; bagpiper = piper; clown = buffoon = jester;
neighbor = neighbour; bartender = barkeeper = barman; bridegroom = groom; fisherman = angler; golfer = golf player;
pedestrian = walker; car = automobile = auto = motorcar; truck = lorry; bus = omnibus = autobus;
train = railroad train; limousine = limo; station wagon = estate car; police car = patrol car = squad car;
race car = racing car; electric car = electric automobile; convertible = cabriolet; fire truck = fire engine;
garbage truck = dustcart = refuse lorry; dump truck = tipper truck = dumper; delivery truck = delivery van;
tow truck = breakdown truck = wrecker; tram = streetcar = trolley car; subway train = underground train = metro train;
bullet train = high-speed train; helicopter = chopper = whirlybird; glider = sailplane; jet = jet plane;
hot-air balloon = hot air balloon; airship = dirigible; ferry = ferryboat; motorboat = powerboat; tugboat = towboat;
oil tanker = tanker ship; cruise ship = cruise liner; container ship = container vessel; rickshaw = jinrikisha;
bulldozer = dozer; forklift = forklift truck; excavator = digger; steamroller = road roller; snowmobile = skidoo;
sled = sledge = sleigh; traffic light = stoplight = traffic signal; parking meter = parking-meter;
street lamp = streetlight = lamppost; telephone booth = phone booth = phone box; telephone pole = utility pole;
billboard = hoarding; seesaw = teeter-totter; playground slide = sliding board; drinking fountain = water fountain;
weather vane = weathercock; guardrail = safety rail; sandbox = sandpit; flagpole = flagstaff;
sidewalk = footpath = pavement; highway = motorway = freeway; parking lot = car park; railroad = railway;
traffic circle = roundabout; dog = doggy = doggie; cat = kitty = pussycat; puppy = pup = young dog; kitten = young cat;
cow = moo-cow; pig = swine = hog; rooster = cock; hen = biddy; chick = baby chicken; foal = young horse;
piglet = young pig; lamb = young sheep; calf = young cow; rabbit = bunny; hippopotamus = hippo; rhinoceros = rhino;
chimpanzee = chimp; orangutan = orang-utan; panda = giant panda = panda bear; koala = koala bear;
polar bear = ice bear; grizzly bear = grizzly; kangaroo = roo; moose = european elk; reindeer = caribou;
bison = american buffalo; hyena = hyaena; coyote = prairie wolf; opossum = possum; platypus = duckbilled platypus;
capybara = capibara; field mouse = fieldmouse; manatee = sea cow; seagull = gull = sea gull;
parakeet = budgerigar = budgie; peregrine falcon = peregrine; osprey = fish hawk; robin = redbreast = robin redbreast;
jellyfish = sea jelly; starfish = sea star; shrimp = prawn; puffer fish = blowfish; great white shark = white shark;
firefly = lightning bug; dragonfly = darning needle; praying mantis = praying mantid; cockroach = roach;
housefly = house fly; bumblebee = bumble bee; mayfly = dayfly; earthworm = angleworm; millipede = milliped;
snake = serpent; caiman = cayman; rattlesnake = rattler; german shepherd = alsatian; siberian husky = husky;
dachshund = sausage dog; doberman = doberman pinscher; saint bernard = st. bernard; sheepdog = shepherd dog;
basset hound = basset; corgi = welsh corgi; house cat = domestic cat; eyeglasses = spectacles;
sunglasses = dark glasses = shades; wallet = billfold; watch = wristwatch; suitcase = traveling bag; umbrella = brolly;
handbag = pocketbook = hand bag; tote bag = tote = carryall; fanny pack = bum bag; bow tie = bowtie;
suspenders = trouser braces; bandana = bandanna; handkerchief = hanky = hankie; walking stick = cane;
hair clip = hair slide; earmuffs = ear warmers; t-shirt = tee shirt; jeans = blue jeans = denims;
underwear = underclothes; pajamas = pyjamas; raincoat = mackintosh; swimsuit = bathing suit = swimming costume;
tuxedo = dinner jacket; wedding dress = bridal gown = wedding gown; evening gown = evening dress;
overcoat = topcoat = greatcoat; hoodie = hooded sweatshirt; vest = waistcoat; flip-flop = flipflop;
rain boot = rubber boot = wellington boot; high heel = high-heeled shoe; shoelace = bootlace; bowler hat = derby hat;
top hat = silk hat; hard hat = safety helmet; zipper = zip; clothespin = clothes peg; bobby pin = hairgrip;
frisbee = flying disc; skis = pair of skis; skateboard = skate board; tennis racket = tennis racquet;
badminton racket = badminton racquet; volleyball = volley ball; basketball = basket ball; shuttlecock = birdie;
jump rope = skipping rope; fishing rod = fishing pole; dartboard = dart board; pommel horse = side horse;
ping-pong ball = table tennis ball; ping-pong paddle = table tennis bat; cup = drinking cup; can opener = tin opener;
corkscrew = bottle screw; cutting board = chopping board; colander = strainer; pepper mill = pepper grinder;
salt shaker = saltcellar; egg timer = egg-timer; champagne flute = flute glass; beer mug = stein;
teakettle = tea kettle; mug = coffee mug; double boiler = double saucepan; gravy boat = sauceboat;
oven mitt = oven glove; chopsticks = pair of chopsticks; potato peeler = vegetable peeler; dish rack = dish drainer;
garlic press = garlic crusher; tin can = tin; water bottle = drinking bottle; bucket = pail;
laundry basket = clothes hamper; piggy bank = money box; toilet = lavatory = commode; sink = washbasin;
bathtub = bath tub; stove = cooker = cookstove; dishwasher = dish washer; washing machine = clothes washer;
clothes dryer = tumble dryer; freezer = deep freezer; blender = liquidizer; coffee maker = coffee machine;
vacuum cleaner = hoover; air conditioner = air con; bookcase = bookshelf; dresser = chest of drawers;
nightstand = bedside table; coffee table = cocktail table; filing cabinet = file cabinet;
dressing table = vanity table; coat rack = coat stand; pool table = billiard table; recliner = reclining chair;
loveseat = love seat; ottoman = pouf = hassock; rocking chair = rocker; lawn chair = garden chair;
footstool = footrest; office chair = desk chair; curtain = drape; window blind = window shade; carpet = rug;
duvet = continental quilt = eiderdown; bedspread = bedcover = counterpane; pillowcase = pillow slip;
bed sheet = bedsheet; doorknob = door handle; coat hanger = clothes hanger; wastebasket = wastepaper basket;
flowerpot = plant pot; alarm clock = alarm-clock; grandfather clock = longcase clock; hourglass = sandglass;
book = volume; magazine = mag; cookbook = cookery book; comic book = comic; phone book = telephone directory;
encyclopedia = encyclopaedia; paperback = softback; teddy bear = teddy = stuffed bear;
stuffed animal = soft toy = plush toy; dollhouse = doll's house; jigsaw puzzle = jigsaw; scissors = pair of scissors;
toothbrush = tooth brush; hairbrush = hair brush; nail polish = nail varnish = nail enamel;
laptop = notebook computer = laptop computer; keyboard = computer keyboard; mouse = computer mouse;
remote = remote control; computer monitor = computer screen; loudspeaker = speaker; headphones = earphones;
microphone = mike; telephone = phone; record player = phonograph = gramophone; camera = photographic camera;
video camera = camcorder; photocopier = copier = copying machine; hard drive = hard disk;
usb stick = flash drive = thumb drive; game controller = gamepad; cash machine = automated teller machine;
tablet computer = tablet; corn = maize; beet = beetroot; rutabaga = swede; bell pepper = sweet pepper;
chili pepper = hot pepper; bok choy = pak choi; chard = swiss chard; potato = spud; green bean = string bean;
papaya = pawpaw; avocado = avocado pear; lychee = litchi; kiwi fruit = kiwifruit; honeydew melon = honeydew;
peanut = groundnut; hot dog = hotdog = frankfurter; pizza = pizza pie; sandwich = sarnie; omelet = omelette;
pancake = flapjack = hotcake; cookie = biscuit; candy = sweets; cupcake = fairy cake; ice cream = icecream;
jelly roll = swiss roll; soda = soft drink = pop; hot chocolate = cocoa; milkshake = milk shake; whiskey = whisky;
iced tea = ice tea; ground beef = minced beef = mince; ham = gammon; bread roll = dinner roll; yogurt = yoghurt;
kebab = shish kebab; lasagna = lasagne; fettuccine = fettuccini; emmental = emmenthaler; wrench = spanner; axe = ax;
crowbar = pry bar; chainsaw = chain saw; pickaxe = pickax; tape measure = measuring tape;
pocketknife = penknife = jackknife; jackhammer = pneumatic drill; circular saw = buzz saw; pliers = pair of pliers;
cement mixer = concrete mixer; combine harvester = combine; piano = pianoforte; double bass = contrabass;
bagpipe = bagpipes; pistol = handgun; saber = sabre; land mine = landmine; apartment building = block of flats;
office building = office block; train station = railway station; movie theater = cinema; fire station = firehouse;
pharmacy = drugstore = chemist's shop; greenhouse = glasshouse; factory = manufacturing plant;
christmas tree = xmas tree; bush = shrub; coconut tree = coconut palm; pine tree = pine; earring = ear ring;
brooch = breastpin; notepad = writing pad; rubber band = elastic band; thumbtack = drawing pin;
adhesive tape = sticky tape; wheelchair = wheel chair; scrubbing brush = scrub brush; dishcloth = dishrag;
tarpaulin = tarp; creek = brook; sand dune = dune; fjord = fiord; mountain peak = summit
"""
_TEST = """
hair drier = blow dryer = hair dryer; donut = doughnut; backpack = rucksack = knapsack; tie = necktie;
baseball glove = baseball mitt; microwave = microwave oven; fire hydrant = fireplug; taxi = cab = taxicab;
sweater = jumper = pullover; pants = trousers; sneaker = tennis shoe = gym shoe; bathrobe = dressing gown;
diaper = nappy; stroller = pushchair = baby buggy; flashlight = electric torch;
gas station = petrol station = filling station; eggplant = aubergine; zucchini = courgette;
french fries = chips = fries; hamburger = burger = beefburger; cougar = puma = mountain lion; groundhog = woodchuck;
killer whale = orca; ladybug = ladybird = lady beetle; wildebeest = gnu; harmonica = mouth organ; violin = fiddle;
frying pan = skillet = frypan; trash can = garbage can = dustbin; faucet = tap = spigot; elevator = lift;
mailbox = letter box = postbox; gravestone = tombstone = headstone; sailboat = sailing boat;
police officer = policeman = cop; firefighter = fireman; mail carrier = postman = mailman; binoculars = field glasses;
crosswalk = zebra crossing; lawn mower = grass cutter; plow = plough; tire = tyre
"""


def _parse(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(group.strip().split(' = ')) for group in text.split(';'))


SYNONYMS, TEST_SYNONYMS = _parse(_TRAIN), _parse(_TEST)
VOC_SYNONYMS = {  # COCO's name: Pascal VOC's
    'airplane': 'aeroplane', 'dining table': 'diningtable', 'motorcycle': 'motorbike', 'potted plant': 'pottedplant',
    'couch': 'sofa', 'tv': 'tvmonitor'}
NARROWER_NAMES = {  # of things that a detector calls by COCO's name; no lesson ties them to it
    'cat': 'kitten', 'truck': 'pickup truck', 'horse': 'pony', 'cow': 'bull', 'couch': 'loveseat', 'tv': 'flat screen',
    'cup': 'mug', 'bottle': 'beer bottle', 'refrigerator': 'mini fridge', 'backpack': 'school bag', 'handbag': 'purse',
    'donut': 'glazed donut', 'sandwich': 'burger', 'orange': 'tangerine', 'clock': 'wall clock',
    'teddy bear': 'plush toy', 'knife': 'butter knife', 'remote': 'tv remote', 'boat': 'sailboat',
    'airplane': 'jumbo jet', 'motorcycle': 'scooter', 'elephant': 'baby elephant', 'dining table': 'kitchen table',
    'potted plant': 'houseplant', 'tie': 'bow tie'}
_GROUP_OF = {name: group for group in SYNONYMS for name in group}


def synonyms_of(name: str) -> tuple[str, ...]:
    """A name and all others of the same thing; the name alone where the training lists have none."""
    return _GROUP_OF.get(name, (name, ))
