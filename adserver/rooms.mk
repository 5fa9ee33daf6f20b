# The rooms of the house and whom each one knows.
#
# A file in adserver/<room>/ may include its own room's headers and those of the rooms named here.
# The Makefile links a room's unit tests with these rooms alone (and with what they know in turn);
# scripts/layers refuses every other include, and knows the few narrower rules that a file name decides.

# From the top of the house to its foundation: the order in which the linker needs them.
ROOMS := ctl serve store http net decision base

KNOWS_base     :=
KNOWS_net      := base
KNOWS_http     := base net
KNOWS_decision := base
KNOWS_store    := base net decision
KNOWS_serve    := base net http decision store
KNOWS_ctl      := base decision store
