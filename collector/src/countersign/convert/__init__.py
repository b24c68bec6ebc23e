"""Another tool's profile to a statement: `countersign convert`, beside the model.

    told = read(Path("profile.bin").read_bytes())     # countersign.convert.reading
    converted = baseline_of(told, recipe)             # countersign.convert.statements
    home.send(converted.payload)

A profile keeps raw values, so it can't cross the line itself; what it says of each column by itself
can, as counts. Nothing is made up: an edge or a category counts as known if the profile places it
to within `profile.MOST_ERROR` of the rows. Cells between are merged, as small ones are, and a
column that is hardly known is a refusal that names what is missing. What needs whole rows, such as
groups, labels, slices and meters' sums, is in no profile.
"""
