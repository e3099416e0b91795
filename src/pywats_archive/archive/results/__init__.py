"""The results of an entry: its **conversions**, their **reports**, and the **submissions** of each report to the server."""
