"""Every limit of the revocation stores, with its arithmetic. Source: notes/revocation §3."""

from __future__ import annotations

# A shard: 2^20 certificates of one issuer whose validity ends in the same month, 128 KiB of bits.
SHARD_BITS = 20

# 200 million certificates fill 191 shards; 8 open at a time for 60 months are 480. Eight times that; a file
# of that many is 512 MiB, and positions stay below 2^32.
MAX_SHARDS = 4_096

# "VN" or an authority's short name.
MAX_ISSUER_BYTES = 16

# Month 0 is January of year 0; the last is December 9999.
MAX_MONTH = 119_999
MAX_SERIAL = 0xFFFF

# Days since 1970 as u32. The last value means: for good.
FOREVER = 0xFFFF_FFFF

# A class is one byte of a record, and 255 is never one.
MAX_CLASSES = 255

# Bytes of a key that are kept: at 5 million 4e-18 false hits a probe. Prefix: at 5 million 76 a bucket.
KEY_BYTES = 10
PREFIX_BITS = 16

# The EU concept's 80 million; 720 MB. The offsets are u32.
MAX_FOREIGN = 80_000_000

# A mass event of 500,000 own revocations is 0.86 MB; as many foreign ones 5.5 MB. Half a year's chain
# (2.5 M own at 2 bytes, 0.55 M foreign at 10) is 11 MB. Half as much again.
MAX_DELTA_BYTES = 16_777_216
MAX_DELTA_ENTRIES = 4_000_000

# A position below 2^32 takes five bytes of seven bits.
MAX_VARINT_BYTES = 5

# A day of polls (288 of about 1 KB) and a day's catch-up of 67 KB are 0.4 MB. Ten times that, then it is
# written anew; one delta of any allowed size always fits.
MAX_JOURNAL_BYTES = 4_194_304

# A manifest is about 250 bytes.
MAX_MANIFEST_BYTES = 4_096

# Epochs count cuts: one a minute for 8 million years.
MAX_EPOCH = 2**42

# The publisher's: above these a second person must agree.
CHANGES_ALONE = 50_000
UNREVOKED_ALONE = 1_000

# The smallest set of known certificates that can show a wrong generation: revoked ones and good ones.
MIN_SELF_TEST = 2

# 140,000 positions above the files are 13 MB: above 200,000 the kiosk folds. Twice the largest delta is
# beyond anything a chain can reach between two folds.
FOLD_ABOVE = 200_000
MAX_OVERLAY = 2 * MAX_DELTA_ENTRIES
