"""Numbers as texts write them, in English and Korean: `numerals` gives their values, `amounts` finds each with its
unit, and `figures` keeps those that say how much there is of something, so that articles can be compared.
"""
