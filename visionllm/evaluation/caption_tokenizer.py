"""Tokenizer of COCO's caption evaluation.

COCO's evaluation (pycocoevalcap) runs Stanford's PTBTokenizer, a Java program, lower-cases its tokens and removes some
punctuation. This module reproduces it with one regular expression. The Penn Treebank tokenizers of nltk and sacremoses
treat full stops, slashes and brackets differently.
"""

import re

ABBREVIATIONS = (  # keep their full stop
    'adj adm adv al ala alex apr ariz assn assoc asst atty aug ave bancorp bhd bldg blvd brig bros calif capt cf cie '
    'cmdr co col colo comdr conn corp cos cpl ct dak dec dept det dr drs elec ens esq est etc ext feb fla fri ft ga '
    'gen gov govs hon inc ind insp intl invt jan jos jr jul jun kan kans ky lieut lt ltd maj mar md messrs mfg mich '
    'minn mlle mme mo mon mont mr mrs ms msgr mt mtg natl neb nev nov oct okla penn pfc ph plc ppte ppty pres prof '
    'profs pte ptes pty ptys pvt rd rep reps rev rt sen sens sep sept seq sfc sgt spc sq sr st ste supt sys tel tenn '
    'thu thurs treas tue tues univ va vs vt wed wis wisc wm wyo').split()
BEFORE_NUMBERS = 'art ca fig figs no nos op pp prop'.split()  # keep their full stop before a number only: "No. 5"
SENTENCE_STARTS = (  # before these, capitalized, a full stop after a single letter ends the sentence
    'A About After An As At But He Her Here However If In It Last Many More Now Once One Other Our She So Some That '
    'The Their Then There These They This We What When While Yet You').split()
BRACKETS = {'(': '-lrb-', ')': '-rrb-', '[': '-lsb-', ']': '-rsb-', '{': '-lcb-', '}': '-rcb-'}
PLAIN = str.maketrans({'’': "'", '‘': '`', '“': ' ', '”': ' ', '–': ' ', '—': ' ', '…': ' '})
JOINED = re.compile(r"(?<![\w'-])(can(?=not)|gon(?=na)|wan(?=na)|got(?=ta)|gim(?=me)|lem(?=me))(\w{2,3})(?![\w'-])",
                    re.IGNORECASE)
L = r'[^\W\d_]'  # a letter
END = r'(?![^\W_])'  # no letter or digit follows
TOKEN = re.compile(  # the first alternative that matches; none matches the punctuation that the evaluation removes
    rf"""
      https?://\S+ | www\.[^\s,]+
    | {L}+?(?=n't{END}) | n't{END} | '(?:s|m|d|ll|re|ve){END}   # does n't, dog 's
    | (?:cap'n|ma'ams?|n?e'er|ev'ry|ol'){END}
    | [dlno]'{L}+ | [jy]'(?={L})                                # o'clock, y' all
    | '(?:em|till?|cause){END} | '\d\ds?{END} | '[nt]'?{END}    # 'em, '90s, rock 'n' roll
    | (?:{'|'.join(ABBREVIATIONS)}|{L}(?:\.{L})+)\.{END}        # dr., u.s.
    | (?:{'|'.join(BEFORE_NUMBERS)})\.(?=\s*\d)
    | {L}\.{END}(?!\s+(?-i:{'|'.join(SENTENCE_STARTS)}){END})   # plan b.
    | {L}+(?:-[^\W_]+)*\.(?=[,;:])                              # "dogs.,": treated as an abbreviation
    | [.,:]?\d+(?:[.,:/]\d+)+ | [.,:]\d+                        # 1,000, 2:30, 1/2
    | [\#@]{L}\w*
    | [^\W_]+(?:/[^\W_]+){{1,2}}                                # and/or
    | {L}+(?:[.!?]{L}+)+                                        # street.A: no new sentence without a space
    | [^\W_]+(?:[-_][^\W_]+)*                                   # half-eaten, mp3
    | [!?]{{2,}}
    | [^\w\s"'`.?!,:;-] | _
    """, re.VERBOSE | re.IGNORECASE)


def tokenize_caption(text: str) -> list[str]:
    """Split a caption into lower-case tokens: ``A dog's T-shirt, isn't it?`` gives ``a dog 's t-shirt is n't it``.

    Differs from PTBTokenizer for emoticons, currency signs, fractions that are one character, and some misprints
    ("game'of tennis").
    """
    text = JOINED.sub(r'\1 \2', text.translate(PLAIN))
    return [BRACKETS.get(word, word).lower() for word in TOKEN.findall(text)]
