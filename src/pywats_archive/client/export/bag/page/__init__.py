"""``report.html`` of a bag: figures, charts as inline SVG and a list of entries; without scripts, and made to be printed.

It is written without the template engine of the web pages, which a station need not have installed.
"""
