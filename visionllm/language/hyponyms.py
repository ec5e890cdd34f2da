"""Narrower names of things that detectors call by a wider word: a detector that knows cups finds mugs.

Compiled by hand, and checked against WordNet 3.1 (Princeton University). Members of kinds that are words of detectors
themselves ("beagle" of dogs) are in ``kinds``. Narrower names for tests are in ``synonyms``, and never here.
"""

from functools import cache
from itertools import chain

from .kinds import KINDS, invert, kinds_of, parse_entries
from .synonyms import NARROWER_NAMES, TEST_SYNONYMS
from .word_lists import TEST_NOUNS

_TEXT = """
person: worker, athlete, musician, man, woman, boy, girl, child, soldier, farmer, surfer, snowboarder, chef, dancer.
bicycle: racing bicycle, folding bicycle, electric bike, cruiser bike.
motorcycle: sport bike, chopper motorcycle, touring motorcycle, motor scooter, minibike, trail bike.
airplane: passenger plane, cargo plane, seaplane, monoplane, jet plane, light aircraft, propeller aircraft, airbus.
bus: shuttle bus, double-decker bus, tour bus, city bus.
train: passenger train, commuter train, tram, express train.
traffic light: traffic signal, green light.
fire hydrant: red hydrant.
stop sign: stop signal, red octagon sign.
bench: bus stop bench, stone bench, garden seat, pew.
horse: racehorse, colt, filly, workhorse, thoroughbred, white horse, carthorse.
sheep: merino sheep, mountain sheep, black sheep, shorn sheep.
cow: dairy cow, jersey cow, steer, holstein, longhorn, milk cow.
elephant: indian elephant, elephant calf, asian elephant, circus elephant.
zebra: mountain zebra, zebra foal, plains zebra.
giraffe: giraffe calf, baby giraffe, tall giraffe.
backpack: hiking backpack, daypack, kitbag, hiking pack.
umbrella: sunshade, golf umbrella, folding umbrella, patio umbrella.
handbag: shoulder bag, evening bag, leather handbag, satchel, crossbody bag.
tie: silk tie, striped tie, cravat, bolo tie.
suitcase: carry-on bag, rolling suitcase, valise, overnight bag.
frisbee: flying disc, plastic disc.
skis: cross-country skis, water skis, alpine skis.
snowboard: freestyle snowboard, snow board.
sports ball: baseball, golf ball, rugby ball, cricket ball, beach ball, handball.
kite: box kite, stunt kite, dragon kite.
baseball bat: aluminum bat, wooden bat.
baseball glove: catcher's mitt, fielder's glove.
skateboard: electric skateboard, cruiser board.
surfboard: foam board, body board, surf board.
tennis racket: wooden racket, racket.
bottle: milk bottle, ketchup bottle, plastic bottle, baby bottle, carafe, decanter, medicine bottle.
wine glass: red wine glass, cocktail glass, stemware, brandy glass.
cup: tumbler, plastic cup, espresso cup, beaker, chalice, measuring cup, tin cup.
fork: salad fork, dinner fork, plastic fork, carving fork, toasting fork.
knife: bread knife, table knife, kitchen knife, pocketknife, butcher knife, cleaver.
spoon: soup spoon, dessert spoon, wooden spoon, serving spoon, sugar spoon.
bowl: cereal bowl, fruit bowl, punch bowl, glass bowl, finger bowl.
banana: plantain, ripe banana, bunch of bananas.
apple: red apple, crab apple, golden delicious, cooking apple.
sandwich: ham sandwich, grilled cheese, submarine sandwich, hoagie, toasted sandwich, chicken sandwich, wrap.
orange: navel orange, blood orange, satsuma, seville orange.
broccoli: broccoli floret, purple broccoli.
carrot: baby carrot, orange carrot, carrot stick.
hot dog: chili dog, wiener, bratwurst in a bun.
pizza: cheese pizza, sausage pizza, sicilian pizza, deep-dish pizza, slice of pizza.
donut: jelly doughnut, cruller, chocolate donut, sprinkled donut.
cake: sponge cake, fruitcake, chocolate cake, pound cake, layer cake, carrot cake.
chair: bar stool, deck chair, wheelchair, dining chair, wicker chair, easy chair, lounge chair, swivel chair.
couch: sofa bed, daybed, chesterfield, divan, sectional sofa.
potted plant: potted palm, flowerpot, pot plant, aloe vera, spider plant, indoor plant.
bed: double bed, four-poster bed, single bed, cot, cradle, sofa bed, canopy bed.
dining table: coffee table, wooden table, banquet table, round table, restaurant table, conference table.
toilet: flush toilet, potty, toilet seat, squat toilet, bathroom toilet.
tv: lcd tv, television set, big screen, tv screen, computer monitor.
laptop: gaming laptop, portable computer, netbook.
mouse: optical mouse, trackball, mouse device.
remote: wii remote, garage remote, joystick, universal remote.
keyboard: laptop keyboard, wireless keyboard, qwerty keyboard, typewriter keyboard.
cell phone: flip phone, android phone, mobile device, camera phone.
microwave: countertop microwave.
oven: gas oven, wall oven, kitchen stove, electric cooker.
toaster: toaster oven, bread toaster.
sink: kitchen sink, bathroom sink, washstand, hand basin.
refrigerator: icebox, wine cooler, double-door fridge, deep freezer.
book: cookbook, hardcover, encyclopedia, photo album, comic book, notebook, bible.
clock: cuckoo clock, digital clock, tower clock, pocket watch, pendulum clock, stopwatch.
vase: porcelain vase, glass vase, ceramic jar, amphora.
scissors: kitchen scissors, nail scissors, pruning shears.
teddy bear: cuddly toy, toy bear, plush bear, fluffy toy.
hair drier: blow drier, handheld dryer.
toothbrush: electric toothbrush, child's toothbrush.
parking meter: coin meter, parking ticket machine.
truck: box truck, flatbed truck, cement truck, delivery truck, moving van, monster truck.
car: coupe, race car, police car, roadster, limo, compact car, electric car.
boat: dinghy, motorboat, houseboat, fishing boat, catamaran, raft, tugboat.
bird: crow, robin, goose, chicken, peacock, hummingbird, dove, turkey, ostrich.
bear: black bear, teddy, kodiak bear, sloth bear.
cat: alley cat, black cat, maine coon, house cat, stray cat.
dog: sheepdog, dalmatian, collie, dachshund, pug, hound, mutt.
"""
HYPONYMS = parse_entries(_TEXT)
_HYPERNYMS = invert(HYPONYMS)
_FOR_TESTS = {*TEST_NOUNS, *NARROWER_NAMES.values(), *chain(*TEST_SYNONYMS)}


@cache
def hyponyms_of(name: str) -> tuple[str, ...]:
    """Narrower names of a thing, without those that are kept for tests; empty where the lists have none."""
    names = dict.fromkeys((*HYPONYMS.get(name, ()), *KINDS.get(name, ())))
    return tuple(each for each in names if each != name and each not in _FOR_TESTS)


@cache
def hypernyms_of(name: str) -> frozenset[str]:
    """Wider names of a thing: its kinds, and the words of detectors that it is a narrower name of."""
    return kinds_of(name).union(_HYPERNYMS.get(name, ()))
