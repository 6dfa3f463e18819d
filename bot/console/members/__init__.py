"""企业会员: the list, what is taken away of it, what is done to many at once."""
