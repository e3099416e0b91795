"""The parts of a report in WATS' JSON format (WSJF) beside its steps: charts, attachments, repairs and units."""
