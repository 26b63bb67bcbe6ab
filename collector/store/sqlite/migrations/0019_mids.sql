-- Hashes of messageIds packed into buckets (mids.py), at half of what a row each takes.
ALTER TABLE mids RENAME TO mids_unpacked;
CREATE TABLE mids (
    start INTEGER PRIMARY KEY,             -- the least hash of the bucket, without a sign
    entries BLOB NOT NULL                  -- of each event 3 bytes of the hash, 3 of the seq; zeros behind
) STRICT;
INSERT INTO mids (start, entries)
WITH RECURSIVE
    -- So many buckets that each comes to hold some 32 to 64.
    powers (p) AS (SELECT 256 UNION ALL SELECT 2 * p FROM powers WHERE 64 * p <= (SELECT count(*) FROM mids_unpacked)),
    buckets (width) AS (SELECT (1 << 32) / max(p) FROM powers),
    -- All bytes in their order, to take one from: SQLite before 3.41 makes none out of a number.
    bytes (each) AS (SELECT x'000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff'),
    packed (start, entry) AS (
        SELECT (hash & 0xFFFFFFFF) / width * width,
               substr(each, (hash >> 16 & 255) + 1, 1) || substr(each, (hash >> 8 & 255) + 1, 1) || substr(each, (hash & 255) + 1, 1) || substr(each, (seq % 16777215 + 1 >> 16 & 255) + 1, 1) || substr(each, (seq % 16777215 + 1 >> 8 & 255) + 1, 1) || substr(each, (seq % 16777215 + 1 & 255) + 1, 1)
        FROM buckets CROSS JOIN bytes CROSS JOIN mids_unpacked)
SELECT start, CAST(group_concat(entry, '') AS BLOB) FROM packed GROUP BY start;
DROP TABLE mids_unpacked;
