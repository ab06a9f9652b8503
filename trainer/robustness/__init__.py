"""How networks stand noise and shift, trained and disturbed alike. May import all before it."""
