"""礼品: the store, the plan of each festival, its sheet for handing over, what a member likes to be given."""
