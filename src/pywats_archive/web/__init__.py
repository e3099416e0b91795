"""The web pages and the HTTP API over the client: ``server`` runs them, ``app`` puts them together.

``access`` decides who may ask, ``api`` answers in JSON, ``views`` turns models into what a template shows, ``pages`` are the
routes that render templates. Needs the extra ``[web]``.
"""
