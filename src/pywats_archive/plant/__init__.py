"""The index over all stations of a plant: Parquet files, made from the segments in a vault, and read by DuckDB.

An **index** is a folder that can be made anew from the vault at any time; it is never the truth. Its **manifest**
(``index.json``) names its files, and how far each **chain**, the history of one archive, was read. **indexing** fills it,
**searching**, **figures** and **stations** read it, **restoring** brings files back from the vault.
Knows nothing of a station's configuration or catalog; it alone imports duckdb.
"""
