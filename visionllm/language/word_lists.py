"""Common nouns and adjectives for training and testing the lookup of names in class maps. A fifth is held out."""

_NOUNS = """
person bicycle car motorcycle airplane bus train truck boat bench bird cat dog horse sheep cow elephant bear
zebra giraffe backpack umbrella handbag tie suitcase frisbee ski snowboard kite skateboard surfboard bottle cup
fork knife spoon bowl banana apple sandwich orange broccoli carrot pizza donut cake chair couch bed table toilet
laptop mouse remote keyboard phone microwave oven toaster sink refrigerator book clock vase scissors drill
circle square triangle star heart cross ring moon arrow hexagon door window wall floor roof lamp mirror carpet
pillow blanket curtain shelf drawer basket box bag hat shoe shirt jacket glove scarf belt watch necklace coin
key lock hammer saw nail screw rope ladder bucket broom brush comb soap towel candle match pen pencil paper
envelope stamp newspaper map camera radio guitar piano drum violin flute trumpet ball bat net goal flag medal
trophy ticket tree flower leaf grass bush rock mountain river lake beach island cloud rain snow sun bridge road
tunnel tower castle church school hospital factory farm garden fence gate barn field tractor wagon sled canoe
rocket satellite robot engine wheel tire pipe wire battery cable plug switch button lever spring gear chain
anchor sail helmet shield sword bow fish shark whale dolphin crab frog snake lizard turtle duck goose swan eagle
owl parrot penguin chicken rabbit squirrel fox wolf deer lion tiger monkey kangaroo camel donkey goat pig ant
bee butterfly spider bread cheese egg butter honey salt pepper rice soup potato tomato onion garlic lemon grape
cherry peach pear melon mushroom bean corn nut cookie candy chocolate coffee tea milk juice wine beer
""".split()
ADJECTIVES = tuple('red orange yellow green blue purple pink white black brown small large old wooden metal'.split())
# paraphrases of a class name
TRAIN_PHRASES = ('{} symbol', '{}-shaped object', 'picture of a {}', 'any kind of {}', '{} or similar',
                 'something like a {}')
TEST_PHRASES = ('image showing a {}', '{}-like thing', 'shape of a {}')

_CUT = len(_NOUNS) * 4 // 5
_SHUFFLED = sorted(_NOUNS, key=lambda word: word[::-1])  # deterministic, and independent of meaning
TRAIN_NOUNS, TEST_NOUNS = tuple(_SHUFFLED[:_CUT]), tuple(_SHUFFLED[_CUT:])
