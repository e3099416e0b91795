"""The pages: each route is one call of the client, one view and one template."""
