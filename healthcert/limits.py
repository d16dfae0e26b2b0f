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
