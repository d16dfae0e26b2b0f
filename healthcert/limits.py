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

# NumericDate beyond year 9999 (253,402,300,800 s) is not a date; neither is one before year 1.
MAX_NUMERIC_DATE = 253_402_300_799
MIN_NUMERIC_DATE = -62_135_596_800

# A request line of the command: 100 KB of text and an inline trust object of 2,000 keys x 2.7 KB.
MAX_LINE_BYTES = 8_388_608

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
