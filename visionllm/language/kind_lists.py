"""Kinds of things, as text: ``kind: member, member.``

Compiled by hand, and checked against the hypernyms of WordNet 3.0 (Princeton University).
"""

TRAIN_KINDS = """
person: person, man, woman, boy, girl, child, baby, toddler, teenager, adult, lady, gentleman, pedestrian, passenger,
    tourist, student, bride, bridegroom, customer, shopper, soldier, princess, cyclist, hiker, clown, neighbor, guest,
    spectator, motorist, pupil.
worker: teacher, nurse, doctor, surgeon, dentist, police officer, firefighter, chef, waiter, waitress, farmer,
    carpenter, plumber, electrician, mechanic, pilot, bus driver, mail carrier, barber, butcher, baker, fisherman,
    construction worker, scientist, lawyer, cashier, bartender, janitor, tailor, miner, photographer, welder, cook,
    bricklayer, gardener.
athlete: swimmer, gymnast, sprinter, tennis player, soccer player, baseball player, basketball player, golfer,
    wrestler, skier, snowboarder, surfer, figure skater, weightlifter, goalkeeper, fencer, archer, rower, cyclist,
    marathon runner, hockey player, pole vaulter, ice skater, hurdler.
musician: guitarist, pianist, drummer, violinist, singer, cellist, flutist, trumpeter, saxophonist, bassist, organist,
    harpist, bagpiper, accordionist, trombonist, clarinetist.
family member: mother, father, son, daughter, brother, sister, grandmother, grandfather, aunt, uncle, cousin, wife,
    husband, niece, nephew, grandson, granddaughter.
outdoor: traffic light, fire hydrant, stop sign, parking meter, bench, street lamp, mailbox, street sign, billboard,
    bus stop, traffic cone, guardrail, manhole cover, fence, gate, telephone pole, park bench, picnic table, fountain,
    statue, flagpole, birdbath, bird feeder, dumpster, signpost, bollard, bike rack, playground slide, weather vane,
    scarecrow, gravestone, yield sign, speed limit sign, telephone booth, road sign, sandbox, garden gnome, drinking
    fountain, bus shelter, seesaw.
indoor: book, clock, vase, scissors, teddy bear, hair drier, toothbrush, picture frame, candle, curtain, carpet,
    doormat, wall clock, alarm clock, mirror, coat hanger, wastebasket, candlestick, figurine, bookend, fireplace,
    chandelier, window blind, photo album, piggy bank, hairbrush, comb, bath mat, shower curtain, towel rack, light
    switch, houseplant, magazine, tissue box, bathtub, snow globe, radiator, doorknob, table lamp, tablecloth.
accessory: backpack, umbrella, handbag, tie, suitcase, belt, scarf, glove, mitten, sunglasses, eyeglasses, wallet,
    purse, watch, bow tie, briefcase, headband, hair clip, parasol, suspenders, bandana, shawl, walking stick, tote
    bag, earmuffs, pocket watch, key ring, hairnet, fanny pack, handkerchief, lanyard, clutch bag, hat, cap, sash,
    shoulder bag, cummerbund, barrette.
sports: frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis
    racket, golf club, hockey stick, ice skate, roller skate, boxing glove, dumbbell, barbell, badminton racket,
    shuttlecock, hockey puck, tennis net, basketball hoop, bowling pin, javelin, discus, cricket bat, ping-pong
    paddle, ski pole, punching bag, trampoline, balance beam, pommel horse, bodyboard, dartboard, goalpost, jump rope,
    football helmet, kettlebell, fishing rod, diving board.
kitchen: bottle, wine glass, cup, fork, knife, spoon, bowl, cutting board, whisk, spatula, ladle, rolling pin,
    colander, grater, tongs, can opener, bottle opener, corkscrew, potato peeler, measuring cup, measuring spoon,
    sieve, kitchen scale, egg timer, garlic press, salt shaker, pepper mill, nutcracker, pizza cutter, oven mitt, dish
    rack, spice rack, chopsticks, ice cream scoop, pastry brush, potato masher, bread knife, carving knife, lemon
    squeezer, cookie cutter.
furniture: chair, couch, potted plant, bed, dining table, toilet, desk, bookcase, wardrobe, dresser, nightstand,
    coffee table, cabinet, cupboard, shelf, bunk bed, coat rack, sideboard, filing cabinet, side table, table,
    hammock, footstool, headboard, china cabinet, dressing table, four-poster bed, kitchen table, writing desk, card
    table, armchair, stool, bench, pool table, workbench.
seat: chair, armchair, stool, bar stool, bench, rocking chair, couch, loveseat, recliner, ottoman, beanbag chair,
    office chair, deck chair, folding chair, throne, pew, swivel chair, chaise longue, park bench, piano stool, wicker
    chair, lawn chair, footstool.
electronic: tv, laptop, mouse, remote, keyboard, cell phone, tablet computer, desktop computer, computer monitor,
    printer, scanner, camera, video camera, headphones, loudspeaker, microphone, radio, router, modem, game
    controller, game console, digital camera, projector, webcam, smartwatch, calculator, telephone, amplifier, dvd
    player, record player, circuit board, e-reader, hard drive, walkie-talkie, joystick, usb stick, fax machine,
    photocopier, synthesizer, answering machine.
animal: bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, octopus, spider, snail, crab, earthworm,
    jellyfish, scorpion, frog, toad, salamander, newt, centipede, starfish, lobster, shrimp, slug, tadpole, squid,
    fish, insect, tarantula, bullfrog, millipede, leech.
mammal: horse, sheep, cow, elephant, bear, zebra, giraffe, wolf, fox, coyote, hyena, kangaroo, koala, raccoon, skunk,
    otter, badger, hedgehog, bat, rabbit, hare, armadillo, sloth, anteater, meerkat, mole, weasel, ferret, platypus,
    opossum, mongoose, wombat, jackal, mammoth, mink, wolverine.
wild animal: elephant, bear, zebra, giraffe, wolf, fox, coyote, hyena, deer, moose, bison, hippopotamus, rhinoceros,
    kangaroo, koala, raccoon, badger, hedgehog, antelope, gazelle, crocodile, gorilla, chimpanzee, wild boar, eagle,
    owl, ostrich, sloth, anteater, meerkat, jackal, wildebeest, orangutan, baboon, impala, warthog, alligator, elk,
    wolverine, skunk.
wild cat: lion, tiger, leopard, cheetah, jaguar, lynx, bobcat, cougar, snow leopard, panther, lioness, tigress.
bear: polar bear, grizzly bear, brown bear, black bear, panda, sun bear, sloth bear, kodiak bear, bear cub.
hoofed animal: horse, cow, sheep, goat, pig, donkey, mule, zebra, giraffe, camel, llama, alpaca, deer, reindeer,
    moose, elk, antelope, gazelle, bison, buffalo, yak, hippopotamus, rhinoceros, wild boar, wildebeest, pony, ox,
    impala, warthog, lamb, calf, piglet, foal, bull, ram, ewe, stallion, mare, water buffalo, sow.
farm animal: cow, sheep, pig, goat, horse, donkey, chicken, hen, rooster, duck, goose, turkey, lamb, calf, piglet,
    foal, bull, ox, mule, pony, chick, alpaca, ram, ewe, water buffalo, mare, stallion, sow.
pet: hamster, guinea pig, goldfish, parrot, canary, parakeet, rabbit, gerbil, tortoise, ferret, cockatiel, chinchilla,
    cat, dog, cockatoo, guppy.
dog: puppy, beagle, poodle, german shepherd, golden retriever, labrador retriever, bulldog, dachshund, dalmatian,
    chihuahua, border collie, greyhound, siberian husky, rottweiler, pug, doberman, great dane, saint bernard, cocker
    spaniel, terrier, yorkshire terrier, corgi, shih tzu, pomeranian, basset hound, bloodhound, sheepdog, spaniel,
    whippet, akita, schnauzer, french bulldog, collie, boston terrier, malamute, english setter, bull terrier, guide
    dog, police dog, lapdog.
cat: kitten, tabby, siamese cat, persian cat, maine coon, tomcat, calico cat, angora cat, manx cat, burmese cat,
    sphynx cat, abyssinian cat, bengal cat, alley cat, tortoiseshell cat, house cat.
rodent: hamster, squirrel, rat, mouse, field mouse, guinea pig, gerbil, beaver, chipmunk, porcupine, groundhog,
    chinchilla, capybara, muskrat, prairie dog, marmot, gopher, vole, dormouse, lemming.
primate: monkey, gorilla, chimpanzee, orangutan, baboon, lemur, gibbon, ape, macaque, capuchin monkey, spider monkey,
    howler monkey, mandrill, marmoset, tarsier, bonobo, squirrel monkey.
sea mammal: whale, dolphin, porpoise, seal, sea lion, walrus, manatee, killer whale, blue whale, humpback whale, sea
    otter, sperm whale, beluga, narwhal, elephant seal.
sea animal: shark, octopus, squid, jellyfish, crab, lobster, shrimp, starfish, sea urchin, seahorse, stingray, sea
    turtle, clam, oyster, mussel, scallop, swordfish, cuttlefish, barracuda, clownfish, tuna, cod, hermit crab, puffer
    fish, sea anemone, hammerhead shark, great white shark, manta ray, lionfish, sea cucumber, king crab, mackerel,
    herring.
bird: robin, sparrow, crow, raven, pigeon, dove, parrot, canary, parakeet, cockatoo, macaw, hummingbird, woodpecker,
    blue jay, cardinal, finch, swallow, starling, blackbird, magpie, peacock, ostrich, emu, turkey, chicken, hen,
    rooster, quail, pheasant, toucan, kingfisher, nightingale, wren, chickadee, cuckoo, goldfinch, cockatiel,
    roadrunner, chick, partridge.
bird of prey: eagle, bald eagle, golden eagle, hawk, falcon, owl, vulture, osprey, buzzard, condor, barn owl, kestrel,
    snowy owl, sparrowhawk, peregrine falcon, horned owl.
water bird: duck, goose, swan, pelican, flamingo, heron, stork, seagull, penguin, puffin, cormorant, egret, mallard,
    albatross, loon, ibis, sandpiper, tern, spoonbill, coot, duckling, gosling, cygnet, black swan, king penguin,
    gannet.
fish: goldfish, shark, salmon, trout, tuna, cod, carp, catfish, sea bass, eel, seahorse, clownfish, piranha, stingray,
    swordfish, herring, sardine, mackerel, halibut, koi, angelfish, puffer fish, barracuda, sturgeon, pike, guppy,
    anchovy, red snapper, flounder, hammerhead shark, great white shark, manta ray, lionfish, haddock, rainbow trout,
    sole.
insect: ant, bee, wasp, hornet, bumblebee, butterfly, moth, fly, mosquito, dragonfly, grasshopper, cricket, beetle,
    ladybug, cockroach, flea, termite, praying mantis, caterpillar, firefly, cicada, locust, aphid, stick insect,
    honeybee, monarch butterfly, mayfly, earwig, weevil, damselfly, stag beetle, housefly, horsefly, fire ant,
    lacewing.
reptile: snake, lizard, turtle, tortoise, crocodile, alligator, iguana, gecko, chameleon, python, cobra, rattlesnake,
    komodo dragon, sea turtle, boa constrictor, viper, monitor lizard, garter snake, box turtle, skink, caiman,
    dinosaur, king cobra, coral snake, sea snake, gila monster.
car: sedan, taxi, convertible, limousine, sports car, station wagon, police car, minivan, hatchback, coupe, race car,
    jeep, suv, compact car, roadster, electric car, hearse, hot rod, hybrid car, vintage car, stock car, rental car.
truck: pickup truck, fire truck, dump truck, tow truck, garbage truck, delivery truck, tanker truck, semi-trailer
    truck, flatbed truck, concrete mixer truck, monster truck, logging truck, ice cream truck, mail truck, army truck,
    moving truck.
bus: school bus, double-decker bus, minibus, trolleybus, shuttle bus, tour bus, city bus, articulated bus, airport
    bus, coach.
train: steam train, freight train, passenger train, bullet train, subway train, commuter train, express train,
    monorail, mail train, high-speed train, night train.
bicycle: mountain bike, racing bicycle, tandem bicycle, folding bicycle, electric bicycle, bmx bike, penny-farthing,
    touring bicycle, road bicycle.
aircraft: airplane, helicopter, jet, fighter jet, glider, hot-air balloon, blimp, biplane, seaplane, bomber, airliner,
    airship, drone, jumbo jet, hang glider, propeller plane, cargo plane, gyrocopter, zeppelin, stealth bomber,
    monoplane, triplane, passenger plane.
watercraft: boat, ship, cruise ship, cargo ship, container ship, oil tanker, warship, battleship, aircraft carrier,
    submarine, raft, jet ski, destroyer, icebreaker, ocean liner, hovercraft, galleon, frigate, steamship, schooner,
    tall ship, hospital ship.
boat: sailboat, rowboat, canoe, kayak, motorboat, speedboat, fishing boat, ferry, yacht, gondola, lifeboat, dinghy,
    catamaran, houseboat, tugboat, barge, steamboat, trawler, inflatable boat, riverboat, longboat, racing boat,
    paddleboat.
fruit: apple, banana, orange, pear, peach, plum, apricot, mango, pineapple, grape, watermelon, melon, cantaloupe, kiwi
    fruit, lemon, lime, grapefruit, tangerine, cherry, papaya, pomegranate, fig, coconut, avocado, lychee, guava,
    passion fruit, nectarine, persimmon, quince, tomato, olive, star fruit, honeydew melon, dragon fruit, clementine,
    plantain, kumquat.
berry: strawberry, blueberry, raspberry, blackberry, cranberry, gooseberry, currant, mulberry, elderberry,
    boysenberry, loganberry, huckleberry, lingonberry.
vegetable: carrot, broccoli, potato, tomato, onion, cabbage, lettuce, spinach, cauliflower, cucumber, bell pepper,
    celery, pea, green bean, corn, pumpkin, eggplant, zucchini, radish, beet, turnip, leek, asparagus, artichoke,
    brussels sprout, kale, sweet potato, parsnip, mushroom, garlic, chili pepper, okra, rutabaga, chard, yam,
    butternut squash, fennel, bok choy, red cabbage, shallot.
dessert: cake, donut, pie, brownie, cupcake, ice cream, pudding, apple pie, cheesecake, chocolate cake, tiramisu,
    sorbet, sundae, fruit salad, eclair, macaroon, tart, chocolate mousse, custard, birthday cake, ice cream cone,
    banana split, parfait, creme brulee, panna cotta, wedding cake, trifle, apple strudel, baklava, frozen yogurt,
    pumpkin pie, jelly roll, baked alaska, peach melba.
drink: coffee, tea, milk, juice, orange juice, water, beer, wine, red wine, cocktail, lemonade, soda, hot chocolate,
    milkshake, smoothie, whiskey, champagne, espresso, cappuccino, latte, iced tea, vodka, rum, cider, cola, mineral
    water, apple juice, green tea, martini, eggnog, gin, brandy, sake, tequila, ginger ale, coconut water, white wine,
    grape juice.
bread: bagel, baguette, croissant, bread roll, toast, pita, bun, tortilla, rye bread, cornbread, white bread, whole
    wheat bread, naan, flatbread, focaccia, sourdough, garlic bread, ciabatta, brioche, english muffin, breadstick,
    challah, hamburger bun, pumpernickel, raisin bread.
meat: bacon, ham, steak, sausage, beef, pork, lamb, chicken, turkey, duck, veal, meatball, pork chop, salami, roast
    beef, venison, mutton, lamb chop, pepperoni, prosciutto, bratwurst, beef jerky, ground beef, chicken wing,
    bologna, corned beef, pastrami, spare rib, sirloin.
nut: almond, walnut, peanut, cashew, pistachio, hazelnut, pecan, chestnut, macadamia nut, brazil nut, pine nut, acorn,
    coconut.
cheese: cheddar, brie, mozzarella, parmesan, gouda, swiss cheese, feta, camembert, cottage cheese, cream cheese,
    ricotta, blue cheese, goat cheese, edam, roquefort, provolone, gorgonzola, emmental.
pasta: spaghetti, macaroni, lasagna, ravioli, noodle, fettuccine, linguine, penne, tortellini, vermicelli, rigatoni,
    cannelloni, fusilli, farfalle.
tool: hammer, screwdriver, wrench, saw, pliers, drill, axe, shovel, rake, hoe, chisel, chainsaw, hatchet, crowbar,
    sledgehammer, hacksaw, tape measure, spade, trowel, pitchfork, pickaxe, mallet, vise, clamp, pocketknife, power
    drill, soldering iron, scythe, sickle, pruning shears, wire cutter, utility knife, circular saw, scissors, knife,
    socket wrench, jackhammer, can opener, bottle opener, corkscrew.
machine: lathe, bulldozer, excavator, crane, tractor, forklift, cement mixer, printing press, vending machine, slot
    machine, steamroller, combine harvester, backhoe, loom, lawn mower, snowblower, drill press, jackhammer, milking
    machine, wind turbine, conveyor belt, cash machine, pinball machine, ticket machine, threshing machine,
    photocopier, fax machine, chainsaw, power drill, circular saw.
toy: teddy bear, doll, kite, frisbee, yo-yo, spinning top, building block, toy car, toy train, jigsaw puzzle, balloon,
    rocking horse, dollhouse, puppet, marionette, rubber duck, stuffed animal, action figure, toy soldier, hula hoop,
    beach ball, model airplane, water gun, toy truck, rag doll, pinwheel, jack-in-the-box, marble, kaleidoscope, toy
    robot, jump rope, pogo stick, model train, slingshot, toy boat, seesaw.
clothing: shirt, t-shirt, pants, jeans, skirt, dress, jacket, coat, sweater, shorts, blouse, suit, sock, underwear,
    pajamas, bathrobe, raincoat, scarf, glove, mitten, vest, hoodie, cardigan, swimsuit, bikini, tuxedo, kimono,
    apron, overalls, leggings, tie, wedding dress, evening gown, overcoat, cloak, kilt, poncho, shawl, bow tie,
    suspenders.
footwear: shoe, boot, sneaker, sandal, slipper, high heel, flip-flop, loafer, clog, moccasin, running shoe, cowboy
    boot, rain boot, ski boot, hiking boot, ballet slipper, espadrille, oxford shoe, ankle boot, riding boot, wooden
    shoe, bowling shoe.
hat: baseball cap, cowboy hat, top hat, beanie, sombrero, straw hat, beret, fedora, bowler hat, sun hat, chef hat,
    bonnet, cap, panama hat, party hat, fez, santa hat, hard hat, bucket hat, fur hat, tricorn, fur cap.
bag: backpack, handbag, tote bag, shopping bag, paper bag, plastic bag, duffel bag, messenger bag, purse, satchel,
    clutch bag, fanny pack, garbage bag, gym bag, sack, laptop bag, golf bag, shoulder bag, beach bag, drawstring bag,
    pouch, mailbag, tea bag, saddlebag, grocery bag, suitcase.
container: bottle, bowl, vase, box, basket, bucket, jar, tin can, barrel, crate, trash can, suitcase, cardboard box,
    jug, pitcher, wine bottle, lunch box, toolbox, carton, egg carton, milk carton, flowerpot, canister, ashtray,
    picnic basket, laundry basket, beer bottle, keg, urn, wastebasket, mailbox, teapot, piggy bank, dumpster, soup
    bowl, salad bowl, sugar bowl, punch bowl, coffeepot.
tableware: plate, bowl, fork, knife, spoon, saucer, teapot, platter, pitcher, chopsticks, butter knife, soup bowl,
    teaspoon, tablespoon, gravy boat, salad bowl, dinner plate, sugar bowl, steak knife, coffeepot, serving dish, salt
    shaker, butter dish, soup spoon, dessert spoon, salad fork, punch bowl.
drinking vessel: cup, wine glass, mug, teacup, drinking glass, champagne flute, beer mug, goblet, tumbler, coffee cup,
    tankard, beer glass, shot glass, paper cup, chalice, brandy glass.
cookware: frying pan, cooking pot, saucepan, wok, casserole dish, stockpot, dutch oven, baking sheet, roasting pan,
    muffin tin, cake pan, griddle, double boiler, teakettle, tagine, fondue pot, pie dish, grill pan, baking dish,
    cauldron.
musical instrument: guitar, piano, violin, drum, flute, trumpet, saxophone, clarinet, cello, harp, trombone,
    harmonica, accordion, banjo, ukulele, electric guitar, xylophone, tuba, french horn, oboe, bassoon, double bass,
    tambourine, bagpipe, mandolin, piccolo, cymbal, lute, viola, grand piano, synthesizer, maraca, snare drum, gong,
    acoustic guitar, bass drum, bugle, harpsichord, pipe organ, sitar.
weapon: gun, rifle, pistol, sword, dagger, spear, longbow, crossbow, shotgun, machine gun, revolver, cannon,
    battle-axe, hand grenade, bomb, missile, slingshot, catapult, bayonet, saber, harpoon, halberd, torpedo, musket,
    assault rifle, sniper rifle, blowgun, bazooka, lance, rapier, tomahawk, javelin, switchblade, knife, land mine,
    air gun.
building: house, church, school, hospital, skyscraper, castle, barn, factory, hotel, library, museum, temple, mosque,
    cathedral, lighthouse, tower, cottage, apartment building, office building, warehouse, train station, stadium,
    theater, restaurant, greenhouse, palace, log cabin, chapel, synagogue, fire station, police station, supermarket,
    gas station, mansion, shed, windmill, hut, farmhouse, pagoda, town hall.
plant: tree, flower, bush, grass, fern, cactus, potted plant, houseplant, ivy, moss, vine, bamboo, aloe, hedge,
    clover, reed, wheat, corn, tomato plant, basil, parsley, thistle, nettle, bonsai, philodendron, venus flytrap,
    sugarcane, tea plant, barley, juniper, holly, mistletoe, rosemary.
flower: rose, tulip, daisy, sunflower, lily, orchid, daffodil, carnation, iris, violet, poppy, dandelion, marigold,
    chrysanthemum, lotus, peony, hydrangea, pansy, geranium, petunia, crocus, hyacinth, begonia, snapdragon,
    buttercup, bluebell, snowdrop, dahlia, gardenia, zinnia, primrose, foxglove, aster, camellia, water lily,
    forget-me-not, lilac, lavender.
tree: oak, pine tree, maple, palm tree, willow, birch, apple tree, cherry tree, spruce, fir, cedar, redwood, elm,
    poplar, beech, cypress, eucalyptus, fig tree, olive tree, christmas tree, coconut tree, sequoia, sycamore, aspen,
    larch, magnolia, orange tree, lemon tree, baobab, ginkgo, acacia, weeping willow, chestnut tree, walnut tree, date
    palm, banyan, alder, bonsai, mahogany.
lamp: table lamp, floor lamp, desk lamp, street lamp, oil lamp, lantern, lava lamp, reading lamp, bedside lamp,
    kerosene lamp, flashlight, spotlight, gas lamp, neon lamp, paper lantern, hurricane lamp, sunlamp.
ball: basketball, soccer ball, tennis ball, baseball, golf ball, volleyball, bowling ball, football, rugby ball,
    cricket ball, softball, billiard ball, ping-pong ball, medicine ball, croquet ball, handball, water polo ball, cue
    ball, sports ball, beach ball.
fastener: nail, screw, bolt, button, zipper, rivet, safety pin, clothespin, buckle, hook, padlock, hairpin, bobby pin,
    cable tie, clasp, carabiner, latch, shoelace, wing nut, deadbolt, snap fastener.
timepiece: clock, watch, alarm clock, wall clock, grandfather clock, stopwatch, sundial, hourglass, pocket watch,
    cuckoo clock, digital clock, egg timer, kitchen timer, smartwatch, digital watch, pendulum clock, water clock.
publication: book, magazine, newspaper, dictionary, encyclopedia, atlas, cookbook, comic book, textbook, brochure,
    catalog, paperback, novel, phone book, bible, picture book, journal, leaflet, yearbook, guidebook, hardcover book.
optical instrument: telescope, microscope, binoculars, magnifying glass, periscope, camera, eyeglasses, sunglasses,
    contact lens, monocle, projector, opera glasses, spyglass, kaleidoscope, camera lens.
landform: mountain, hill, valley, canyon, cliff, volcano, island, beach, cave, plateau, peninsula, sand dune, mesa,
    ridge, gorge, mountain peak, crater, butte, ravine.
body of water: lake, river, ocean, sea, pond, stream, waterfall, bay, lagoon, creek, canal, gulf, fjord, reservoir,
    brook, strait, estuary.
cosmetic: lipstick, nail polish, mascara, eyeliner, eye shadow, face powder, lip gloss, lip balm, hand cream,
    sunscreen, concealer, rouge, cold cream, hair gel, hair spray, face cream.
bedding: pillow, blanket, quilt, mattress, bed sheet, pillowcase, duvet, bedspread, mattress pad, fitted sheet,
    electric blanket, patchwork quilt, mattress cover.
gemstone: diamond, ruby, emerald, sapphire, amethyst, topaz, opal, pearl, garnet, jade, turquoise, aquamarine,
    moonstone, onyx, agate, lapis lazuli, peridot, citrine, tourmaline.
"""
TEST_KINDS = """
vehicle: bicycle, car, motorcycle, airplane, bus, train, truck, boat, van, scooter, moped, tricycle, ambulance,
    tractor, tram, helicopter, taxi, ship, wagon, horse-drawn carriage, sled, snowmobile, golf cart, bulldozer,
    forklift, rickshaw, unicycle, go-kart, hot-air balloon, submarine, jeep, limousine, camper van, steamroller,
    stagecoach, spaceship, hovercraft, excavator.
food: banana, apple, sandwich, orange, broccoli, carrot, hot dog, pizza, donut, cake, hamburger, french fries,
    spaghetti, rice, bread, cheese, egg, salad, soup, sushi, taco, burrito, pancake, waffle, omelet, steak, sausage,
    popcorn, chocolate, butter, cookie, ice cream, yogurt, cereal, dumpling, meatball, ham, stew, kebab, pretzel.
appliance: microwave, oven, toaster, sink, refrigerator, dishwasher, washing machine, clothes dryer, stove, blender,
    coffee maker, freezer, electric kettle, clothes iron, air conditioner, rice cooker, waffle iron, electric fan,
    juicer, space heater, dehumidifier, toaster oven, slow cooker, deep fryer, bread machine, hand mixer, espresso
    machine, water heater, ice maker, garbage disposal, vacuum cleaner.
body part: hand, foot, arm, leg, head, eye, ear, nose, mouth, finger, thumb, toe, knee, elbow, shoulder, neck, chin,
    cheek, forehead, wrist, ankle, tongue, tooth, lip, eyebrow, chest, belly.
jewelry: necklace, ring, earring, bracelet, brooch, pendant, tiara, wedding ring, engagement ring, anklet, nose ring,
    pearl necklace, charm bracelet, locket, cufflink, bangle, choker, diamond ring, signet ring.
stationery: pen, pencil, eraser, notebook, envelope, stapler, ruler, paper clip, highlighter, ballpoint pen, fountain
    pen, notepad, sticky note, pencil sharpener, folder, writing paper, hole punch, thumbtack, glue stick, index card,
    ring binder, rubber band, postcard, greeting card.
cleaning equipment: broom, mop, dustpan, vacuum cleaner, sponge, scrubbing brush, feather duster, squeegee, dishcloth,
    toilet brush, carpet sweeper, mop bucket, dust cloth, pressure washer, rubber glove, floor polisher.
baby equipment: stroller, crib, high chair, pacifier, baby bottle, diaper, diaper bag, bib, cradle, playpen, baby
    carrier, baby walker, rattle, changing table, bassinet, teething ring, baby monitor, child safety seat.
medical equipment: stethoscope, syringe, wheelchair, crutch, scalpel, blood pressure monitor, hearing aid, stretcher,
    hospital bed, surgical mask, defibrillator, x-ray machine, oxygen mask, iv drip, otoscope, hypodermic needle,
    walking frame, operating table, bedpan, forceps.
camping equipment: tent, sleeping bag, camp stove, camping lantern, camp bed, mess kit, camp chair, tarpaulin,
    mosquito net, headlamp, canteen, tent peg, camping table.
"""
# kinds whose members all belong to a wider kind too
TRAIN_NARROWER = """
animal: mammal, bird, fish, insect, reptile, pet, farm animal, wild animal, sea animal.
mammal: dog, cat, bear, wild cat, hoofed animal, rodent, primate, sea mammal.
bird: bird of prey, water bird.
pet: dog, cat.
wild animal: bear, wild cat, bird of prey.
sea animal: sea mammal.
person: worker, athlete, musician, family member.
clothing: footwear, hat.
accessory: hat.
kitchen: tableware, cookware.
tableware: drinking vessel.
container: bag, drinking vessel.
indoor: bedding, publication.
furniture: seat.
sports: ball.
fruit: berry.
plant: tree, flower.
watercraft: boat.
"""
TEST_NARROWER = """
vehicle: car, truck, bus, train, bicycle, aircraft, watercraft.
food: fruit, vegetable, dessert, drink, bread, meat, nut, cheese, pasta.
"""
