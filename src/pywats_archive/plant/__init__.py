"""All stations of a plant, by the segments that they copied to one vault: an index over them, and replays of their sources.

An **index** is a folder with Parquet files, read by DuckDB; it can be made again from the vault at any time, and is never the
truth. Its **manifest** (``index.json``) names its files, and how far each **chain**, the history of one archive, was read.
**indexing** fills it, **searching**, **figures** and **stations** read it, **restoring** brings files back from the vault.
**replaying** tries a converter on the sources of all stations, on Dask.
Knows nothing of a station's configuration or catalog; it alone imports duckdb, and its replays alone import distributed.
"""
