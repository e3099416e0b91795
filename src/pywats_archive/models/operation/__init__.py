"""Values that an operator sees.

**Statistics** and **capacity** describe size and growth. A **problem** is a result of verification. A **run** is one
reprocessing. The **service status** says whether a service works on an archive.
"""
