"""The pages Settings and About, and the wizard that switches the archive of a converter on."""
