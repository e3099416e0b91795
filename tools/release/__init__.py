"""What a release consists of: wheel, source, sums, bill of materials, and zips to install without a network."""
