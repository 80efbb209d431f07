"""Recording logics as tables: a pure function from what happened to what is to be done."""
