"""The demo city, Elm Harbor: an invented administration with its reports.

The same seed makes the same city every time; only its dates follow the clock. Rows that exist stay
as they are. `past` are two months of reports, stored as an import would store them, since
PostgreSQL's clock cannot be put back; `earlier` are those before, from which forecasts learn, and
`dates` what was forecast. `stories` are reports of today: every event in them is carried out by the
function that the API and the desk call.
"""
