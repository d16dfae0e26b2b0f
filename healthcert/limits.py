"""Bounds on what is read, each enforced while reading and each with its arithmetic.

Source: requirement K16; hcert-spec §4.2.2; ISO/IEC 18004 (capacity of a QR code).
"""

from __future__ import annotations

# One QR code 40-L holds 4,296 alphanumeric characters; structured append joins at most 16 of them:
# 16 x 4,296 = 68,736, rounded up to the next power of two.
MAX_TEXT_CHARS = 131_072

# 4,296 characters are 2,864 bytes of base45; certificates deflate 2:1 at best, 10:1 leaves 28 KB. The
# longest official vector inflates to about 1 KB. 64 KiB is more than twice the generous estimate.
MAX_INFLATED_BYTES = 65_536

# A DCC nests 5 deep (CWT > hcert > dcc > group > entry). Three times that.
MAX_CBOR_DEPTH = 16

# A DCC has about 40 items; ten entries with every optional field come to about 200. Twenty times that.
MAX_CBOR_ITEMS = 4_096

# A certificate without a kid is tried against every signer of its format. 256 x 0.1 ms = 26 ms here,
# about 0.15 s on a Raspberry Pi 4.
MAX_SIGNERS_WITHOUT_KID = 256

# Eight random bytes collide once in 2^64; a kid shared by more than 16 signers is an attack on our time.
MAX_SIGNERS_PER_KID = 16

# The Union published about 600 signer certificates, the world about 2,000. Fifty times that.
MAX_TRUST_KEYS = 100_000

# A signer certificate is 0.5 to 2 KB; base64 of 64 KiB is 87,384 characters.
MAX_KEY_CHARS = 87_384

# Below 2048 RSA is broken, above 8192 one check costs milliseconds. hcert-spec §3.3.2 asks 2048 or 3072.
MIN_RSA_BITS = 2_048
MAX_RSA_BITS = 8_192

# A salt of PSS lies inside the signed block: shorter than the key, 8192 / 8 bytes. Larger ones overflow in C.
MAX_SALT_BYTES = MAX_RSA_BITS // 8

# NumericDate beyond year 9999 (253,402,300,800 s) is not a date; neither is one before year 1.
MAX_NUMERIC_DATE = 253_402_300_799
MIN_NUMERIC_DATE = -62_135_596_800

# A request line of the command: 100 KB of text and an inline trust object of 2,000 keys x 2.7 KB.
MAX_LINE_BYTES = 8_388_608

# A machine-readable zone holds 90 characters at most (TD1, 3 x 30); a reader that puts a blank or a line end
# behind each of them sends 180. Rounded up to the next power of two.
MAX_MRZ_CHARS = 256

# The citizen-ID code: two numbers of 12, a name of 200, an address of at most 250 (four levels of 60), two
# dates of 8, sex and separators: about 500. Later cards append fields; twice that.
MAX_CITIZEN_ID_CHARS = 1_024

# Doc 9303 leaves 39 characters for a name, the DCC schema 80 for each half, the DDCC 200.
MAX_NAME_CHARS = 200

# The longest names met in passports have about ten words; the rules try every place to divide them.
MAX_NAME_WORDS = 16

# Letters with several transliterations multiply: German needs Ä x Ö x Ü = 2 x 2 x 3 = 12 spellings, no
# language more. Three writings of a certificate against one of a card: (3 x 12) x 12 = 432 comparisons,
# 0.3 s for names made to cost time, under 1 ms for real ones.
MAX_SPELLINGS = 12
# The longest rule of the EU corpus has 44 nodes; a list of 300 products is 300 more. Ten times that.
MAX_LOGIC_NODES = 4_096

# The corpus nests 6 deep; an else-if chain over 27 countries nests 27. Four times that. One level costs at
# most three of Python's thousand frames.
MAX_LOGIC_DEPTH = 128

# One step is one node evaluated inside a reduce, or up to 32 list elements looked at. Ten entries x 44 nodes
# are 440. Two hundred times that, 0.1 s at worst.
MAX_LOGIC_STEPS = 100_000

# A certificate identifier holds 80 characters, a manufacturer's name about 120. Eight times that.
MAX_LOGIC_TEXT_CHARS = 1_024

# The largest whole number every JSON reader holds exactly: 2^53 - 1 (RFC 8259 section 6).
MAX_LOGIC_INTEGER = 9_007_199_254_740_991

# Years 1 to 9999 are 87,600,000 hours; adding more leaves them whatever the date.
MAX_PLUS_TIME = 100_000_000

# A rule's result is true or false; whole data contexts (32 value sets of 250 codes of 8 characters) come to
# 64,000 nodes and characters. Twice that.
MAX_LOGIC_RESULT = 131_072

# The Union's gateway held about 600 rules of 40 countries. Eight times that.
MAX_RULES = 5_000

# 24 languages of the Union and 40 of the world; the longest description in the corpus has 300 characters.
MAX_RULE_DESCRIPTIONS = 64
MAX_RULE_TEXT_CHARS = 4_096

# A request line of the certlogic command: a rule of 16 KB and 32 value sets of 1,000 codes of 16 characters.
MAX_LOGIC_LINE_BYTES = 1_048_576
# A code's text holds its JSON, so JSON is never longer than the text.
MAX_JSON_CHARS = MAX_TEXT_CHARS

# VDS-NC nests 6 deep, a DIVOC certificate 5, a SMART Health Card bundle 12. Twice the deepest, and some.
MAX_JSON_DEPTH = 32

# The largest exact whole number of a double has 16 digits, its shortest decimal form at most 24 characters.
MAX_JSON_NUMBER_CHARS = 32

# The largest official SMART Health Card, a lab report, inflates 13:1 to 30,178 bytes. Four times that, and as
# much as JSON may have.
MAX_CARD_BYTES = MAX_JSON_CHARS

# `{"zip":"DEF","alg":"ES256","kid":43 characters}` is 112 characters of base64url. Nine times that.
MAX_JWS_HEADER_CHARS = 1_024

# Headers read are remembered: 256 x (768 bytes and its JSON of at most 10 times that) = 2 MB. A checkpoint
# meets a few issuers a day.
MAX_REMEMBERED_HEADERS = 256

# A card nests 12 deep and opens some 50 brackets in all: below 64 they need not be followed.
MAX_CARD_DEPTH = 64

# A card of MAX_TEXT_CHARS in chunks of 2 x 1,191 digits comes to 55 of them; the largest seen has 3.
MAX_CARD_CHUNKS = 64

# Base64url of 16 bytes and a little: the limit of the specification.
MAX_RID_CHARS = 24

# All issuers of the VCI directory together list 1,343 cards. 100,000 for one key are 11 MB in memory.
MAX_RIDS = 100_000
# As MAX_KEY_CHARS: base64 of 64 KiB. Passport signers are 1 to 2 KB.
MAX_CERTIFICATE_BYTES = 65_536

# A passport authority revokes tens of signers: 37 bytes each. 1 MiB holds 28,000 of them.
MAX_CRL_BYTES = 1_048_576
MAX_CRL_CHARS = MAX_CRL_BYTES * 4 // 3 + 4  # as base64

# DER nests about 8 deep in a certificate (tbs > extensions > extension > names > ...). Four times that.
MAX_DER_DEPTH = 32

# One key id is shared by an authority and its renewals with the same key: two or three. Beyond 16 it is an
# attack on our time.
MAX_ANCHORS_PER_SIGNER = 16

# A code of 40-L holds 2,953 bytes, so a signer certificate inside one is below 3 KB; 16 joined codes carry
# more, but no signer needs it. Twice the largest single code.
MAX_SIGNER_CERTIFICATE_CHARS = 8_192

# Certificates read and chains checked are remembered, the last ones used: 256 x (8 KB text, 6 KB DER and
# 4 KB fields) = 5 MB at most. A checkpoint meets a few dozen signers a day.
MAX_REMEMBERED = 256

# The EU gateway's own bound on the entries of a batch.
MAX_REVOCATION_BATCH = 1_000

# 5 million revoked certificates, the Union's expectation, in full batches. In memory only for a trust object.
MAX_REVOCATION_BATCHES = 5_000
