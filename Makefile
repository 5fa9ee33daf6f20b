# Masthead: builds the server, the command line tool and every check of them.
#
#   make            build/adserver and build/adctl
#   make help       all targets and knobs
#
# Knobs. Give them on the command line (`make CC=clang`) or in the environment:
#
#   CC=gcc          the C compiler; gcc 12 and clang 14 or newer are known to work
#   BUILD=build     where everything that is built goes; nothing is written beside the sources
#   SANITIZER=      address,undefined: build into $(BUILD)/san with these sanitizers
#                   any other -fsanitize list, such as thread: into $(BUILD)/san-<list>
#   OPT=-O2         optimisation (-O1 with a sanitizer)
#   WERROR=-Werror  empty: warnings do not stop the build (for compilers newer than ours)
#   CFLAGS=         yours, added behind ours; so are CPPFLAGS and LDFLAGS
#   LLHTTP_DIR=/usr/share/llhttp
#                   llhttp's C sources, as Debian 12's node-llhttp installs them; where there are none,
#                   the library -lllhttp is used (libllhttp-dev of later releases)
#   PREFIX=/usr/local, DESTDIR=
#                   where `make install` puts things
#   SYSCONFDIR=$(PREFIX)/etc (/etc when PREFIX is /usr)
#   V=              1: print the whole commands
#   RUNS=100000     runs of each target in `make fuzz`;  FUZZ=url,token: only these targets
#   FUZZ_CC=clang   the compiler that has libFuzzer
#   SEEDS=100, EVENTS=100000, FIRST=1
#                   of `make villain`: how many seeds, from which on, and events each
#   JOBS=           files that `make lint` checks at once; default: one a core
#   VERSION=        what `adserver -V` prints; default: the file VERSION and the commit
#
# How it is laid out: every adserver/<room>/*.c goes into one archive a room, and a program or test is
# linked with the archives of the rooms it may know (adserver/rooms.mk). Files that the programs
# carry in themselves (tag.js, the demo blog, Redis functions) are made into one object by
# scripts/embed, what is known of crawlers by scripts/crawlers.mjs from npm packages. Nothing lists
# source files by hand.

include adserver/rooms.mk

# ---- Knobs ---------------------------------------------------------------------------------------

ifeq ($(origin CC),default)
CC := gcc
endif
BUILD ?= build
SANITIZER ?=
WERROR ?= -Werror
LLHTTP_DIR ?= /usr/share/llhttp
PREFIX ?= /usr/local
DESTDIR ?=
SYSCONFDIR ?= $(if $(filter /usr,$(PREFIX)),/etc,$(PREFIX)/etc)
RUNS ?= 100000
FUZZ ?=
FUZZ_CC ?= clang
JOBS ?= $(shell nproc)
ifndef VERSION
commit := $(shell git rev-parse --short HEAD 2>/dev/null)
VERSION := $(shell cat VERSION)$(if $(commit),+g$(commit))
endif
Q := $(if $(V),,@)

# ---- Variants: one object folder each ------------------------------------------------------------

comma := ,
empty :=
space := $(empty) $(empty)

# `fuzzer` is our own word: what libFuzzer's targets are built with.
ifeq ($(SANITIZER),)
OUT := $(BUILD)
else ifneq ($(filter $(SANITIZER),address$(comma)undefined undefined$(comma)address),)
OUT := $(BUILD)/san
else ifeq ($(SANITIZER),fuzzer)
OUT := $(BUILD)/fuzz
else
OUT := $(BUILD)/san-$(subst $(comma),-,$(SANITIZER))
endif

ifeq ($(SANITIZER),)
OPT ?= -O2
HARDEN := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
# Control-flow protection is a feature of x86.
ifneq ($(filter x86_64% amd64%,$(shell uname -m)),)
HARDEN += -fcf-protection
endif
else
OPT ?= -O1
sanitize := $(if $(filter fuzzer,$(SANITIZER)),fuzzer-no-link$(comma)address$(comma)undefined,$(SANITIZER))
# Fortified calls hide mistakes from AddressSanitizer, so they stay out here.
HARDEN := -fPIE -fsanitize=$(sanitize) -fno-sanitize-recover=all
endif

# ---- Flags ---------------------------------------------------------------------------------------

PKG_CONFIG ?= pkg-config
PACKAGES := libevent_core hiredis libcrypto inih jansson libmaxminddb libpcre2-8
# Foreign headers are read as system headers: our warnings are about our own code.
package_flags := $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null))
package_libs := $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null)

llhttp_sources := $(wildcard $(LLHTTP_DIR)/*.c)
ifneq ($(llhttp_sources),)
llhttp_include := $(patsubst %/llhttp.h,%,$(firstword $(wildcard \
	$(LLHTTP_DIR)/llhttp.h $(LLHTTP_DIR)/include/llhttp.h $(LLHTTP_DIR)/../include/llhttp/llhttp.h)))
package_flags += -isystem $(llhttp_include)
else
package_libs += -lllhttp
endif

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wformat=2 -Wundef $(WERROR)
LANGUAGE := -std=gnu17 -D_GNU_SOURCE -Iadserver
COMPILE := $(CC) $(LANGUAGE) $(package_flags) $(OPT) -g -fno-omit-frame-pointer $(HARDEN)
LINK := $(CC) -g -pie $(filter -fsanitize=%,$(HARDEN)) \
	-Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed $(LDFLAGS)
LIBS := $(package_libs) -lm
version_flag := -DMASTHEAD_VERSION='"$(VERSION)"'

# ---- What there is -------------------------------------------------------------------------------

room_sources = $(sort $(filter-out %/main.c,$(wildcard adserver/$(1)/*.c)))
room_objects = $(patsubst adserver/%.c,$(OUT)/obj/%.o,$(call room_sources,$(1)))
room_archive = $(OUT)/lib/lib$(1).a

# All rooms that a room reaches, itself included, in the order the linker needs.
reach = $(1) $(foreach room,$(KNOWS_$(1)),$(call reach,$(room)))
room_links = $(foreach room,$(filter $(call reach,$(1)),$(ROOMS)),$(call room_archive,$(room)))

sources := $(sort $(wildcard adserver/*.c adserver/*/*.c))
unit_sources := $(sort $(wildcard tests/unit/*/test_*.c))
unit_programs := $(patsubst tests/unit/%.c,$(OUT)/tests/%,$(unit_sources))
fuzz_names := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
fuzz_chosen := $(if $(FUZZ),$(filter $(subst $(comma), ,$(FUZZ)),$(fuzz_names)),$(fuzz_names))
replay_programs := $(fuzz_names:%=$(OUT)/tests/replay/%)
all_c := $(sources) $(sort $(wildcard scripts/*.c adserver/*.h adserver/*/*.h tests/*/*.[ch] tests/*/*/*.[ch]))
shell_scripts := $(sort $(shell grep -lsE '^\#!.*[/ ](ba)?sh$$' scripts/* .ci/run tests/bench/* 2>/dev/null))

.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules

all: $(OUT)/adserver $(OUT)/adctl ## build the server and the tool (default)
.PHONY: all

# ---- Programs ------------------------------------------------------------------------------------

say = @printf '  %-8s %s\n' $(1) $(patsubst $(BUILD)/%,%,$@)

server_archives := $(foreach room,$(filter-out ctl,$(ROOMS)),$(call room_archive,$(room)))
$(OUT)/adserver: $(OUT)/obj/main.o $(server_archives)
	$(if $(Q),$(call say,link))
	$(Q)$(LINK) -o $@ $^ $(LIBS)

$(OUT)/adctl: $(OUT)/obj/ctl/main.o $(call room_links,ctl)
	$(if $(Q),$(call say,link))
	$(Q)$(LINK) -o $@ $^ $(LIBS)

define room_rule
$(call room_archive,$(1)): $(call room_objects,$(1)) $(OUT)/flags
	$$(if $$(Q),$$(call say,archive))
	$$(Q)mkdir -p $$(@D) && rm -f $$@ && $(AR) rcs $$@ $$(filter %.o,$$^)
endef
$(foreach room,$(ROOMS),$(eval $(call room_rule,$(room))))

$(OUT)/obj/%.o: adserver/%.c $(OUT)/flags
	$(if $(Q),$(call say,compile))
	$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE) $(WARNINGS) $(EXTRA) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Whoever prints the version is compiled again when it changes; nobody else is.
version_users := $(if $(sources),$(shell grep -ls MASTHEAD_VERSION $(sources)))
version_objects := $(version_users:adserver/%.c=$(OUT)/obj/%.o)
$(version_objects): $(OUT)/version
$(version_objects): private EXTRA := $(version_flag)

# llhttp is compiled from its package's sources; our warnings are not for it.
llhttp_objects := $(llhttp_sources:$(LLHTTP_DIR)/%.c=$(OUT)/obj/llhttp/%.o)
$(call room_archive,http): $(llhttp_objects)
$(OUT)/obj/llhttp/%.o: $(LLHTTP_DIR)/%.c $(OUT)/flags
	$(if $(Q),$(call say,compile))
	$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE) -w $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# Everything is built again when the way of building it changed. The files below are touched only
# when their contents change.
remember = @mkdir -p $(@D); printf '%s\n' '$(subst ','\'',$(1))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(1))' > $@
.PHONY: FORCE
$(OUT)/flags: FORCE
	$(call remember,$(COMPILE) $(WARNINGS) $(CPPFLAGS) $(CFLAGS) $(LINK) $(LIBS))
$(OUT)/version: FORCE
	$(call remember,$(VERSION))

# ---- Files carried in the programs ---------------------------------------------------------------

# Path in the program = path below adserver/. tag.js goes in without its comments.
carried := $(sort $(wildcard adserver/store/*.lua adserver/web/tag.js) \
	$(shell find adserver/web -mindepth 2 -type f 2>/dev/null))
carried_from = $(if $(filter %/tag.js,$(1)),$(OUT)/gen/web/tag.js,$(1))

$(OUT)/gen/web/tag.js: adserver/web/tag.js $(wildcard scripts/strip-js)
	@mkdir -p $(@D)
	$(Q)$(if $(wildcard scripts/strip-js),scripts/strip-js $< > $@,cp $< $@)

$(OUT)/gen/carried: FORCE
	$(call remember,$(carried))

$(OUT)/gen/embed.c: $(OUT)/gen/carried scripts/embed $(foreach f,$(carried),$(call carried_from,$(f)))
	$(if $(Q),$(call say,embed))
	$(Q)scripts/embed $(foreach f,$(carried),$(f:adserver/%=%)=$(call carried_from,$(f))) > $@

$(OUT)/obj/gen/embed.o: $(OUT)/gen/embed.c $(OUT)/flags
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(WARNINGS) $(EXTRA) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(call room_archive,base): $(OUT)/obj/gen/embed.o

# ---- What is known of crawlers ---------------------------------------------------------------------

# Two npm packages, turned into C tables by a script that also says which one is missing.
crawler_packages := isbot crawler-user-agents
$(OUT)/gen/crawlers.c: scripts/crawlers.mjs package.json \
		$(wildcard $(crawler_packages:%=node_modules/%/package.json))
	$(if $(Q),$(call say,crawlers))
	@command -v node >/dev/null || { echo 'make: node is missing; scripts/setup build installs it' >&2; exit 1; }
	$(Q)mkdir -p $(@D) && node scripts/crawlers.mjs > $@

$(OUT)/obj/gen/crawlers.o: $(OUT)/gen/crawlers.c $(OUT)/flags
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(WARNINGS) $(EXTRA) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(call room_archive,decision): $(OUT)/obj/gen/crawlers.o

# ---- Unit tests: one program a file, linked with the rooms that its room reaches -------------------

$(OUT)/tests/obj/%.o: tests/%.c $(OUT)/flags
	$(if $(Q),$(call say,compile))
	$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE) -Itests $(WARNINGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Other C files beside a room's tests are linked into each of them.
define unit_rule
unit_support_$(1) := $(patsubst tests/%.c,$(OUT)/tests/obj/%.o,$(filter-out tests/unit/$(1)/test_%,$(wildcard tests/unit/$(1)/*.c)))
$(OUT)/tests/$(1)/%: $(OUT)/tests/obj/unit/$(1)/%.o $$(unit_support_$(1)) $(call room_links,$(1))
	$$(if $$(Q),$$(call say,link))
	$$(Q)mkdir -p $$(@D) && $$(LINK) -o $$@ $$^ $$(LIBS) -lcmocka
endef
$(foreach room,$(ROOMS),$(eval $(call unit_rule,$(room))))

unit-programs: $(unit_programs)
unit: $(unit_programs) ## build and run the unit tests
	@scripts/each $(unit_programs)
.PHONY: unit unit-programs

# ---- Fuzzing -------------------------------------------------------------------------------------

all_archives := $(foreach room,$(ROOMS),$(call room_archive,$(room)))

# With libFuzzer, by clang: `make fuzz` calls make again for the variant `fuzzer`.
fuzz: ## run every fuzz target RUNS times from its seeds, under the sanitizers
	@$(MAKE) --no-print-directory SANITIZER=fuzzer CC=$(FUZZ_CC) fuzz-programs
	@for name in $(fuzz_chosen); do scripts/fuzz $(BUILD)/fuzz/fuzz_$$name $$name $(RUNS) || exit 1; done
fuzz-programs: $(fuzz_chosen:%=$(OUT)/fuzz_%)
$(OUT)/fuzz_%: $(OUT)/tests/obj/fuzz/fuzz_%.o $(all_archives)
	$(if $(Q),$(call say,link))
	$(Q)$(LINK) -fsanitize=fuzzer -o $@ $^ $(LIBS)

# Without it, by any compiler: the seeds and old crashers as ordinary tests.
fuzz-replay: $(replay_programs) ## run every fuzz target over its seeds and regressions
	@set -e; for name in $(fuzz_names); do scripts/fuzz --replay $(OUT)/tests/replay/$$name $$name; done
replay-programs: $(replay_programs)
$(OUT)/tests/replay/%: $(OUT)/tests/obj/fuzz/fuzz_%.o $(OUT)/tests/obj/fuzz/replay_main.o $(all_archives)
	$(if $(Q),$(call say,link))
	$(Q)mkdir -p $(@D) && $(LINK) -o $@ $^ $(LIBS)
.PHONY: fuzz fuzz-programs fuzz-replay replay-programs

# ---- Checks --------------------------------------------------------------------------------------

test: ## install what is missing, build, run every test
	@scripts/test
run: ## start everything with the demo blog
	@scripts/run
bench: all ## measure against nginx on this machine
	@BUILD=$(OUT) tests/bench/run
villain: all ## prove that counting never lies: SEEDS=100 runs of EVENTS=100000 under faults
	@BUILD=$(OUT) tests/bench/villain
bench-decision: $(OUT)/bench_decision ## measure decisions among 10 to 100,000 campaigns
	@$(OUT)/bench_decision
bench-events: ## measure what an event costs Redis, with and without events.stream
	@node tests/bench/event_stream.mjs
bench-reports: all ## measure reports over a year of 1,000 campaigns, and what their counts take in Redis
	@MASTHEAD_BINARIES=$(OUT) node tests/bench/reports.mjs
$(OUT)/bench_decision: $(OUT)/tests/obj/bench/bench_decision.o $(call room_links,decision)
	$(if $(Q),$(call say,link))
	$(Q)$(LINK) -o $@ $^ $(LIBS)
bench-crawlers: $(OUT)/bench_crawlers ## measure what a verdict on a user agent costs
	@node tests/bench/agents.mjs > $(OUT)/gen/agents.txt && $(OUT)/bench_crawlers $(OUT)/gen/agents.txt
$(OUT)/bench_crawlers: $(OUT)/tests/obj/bench/bench_crawlers.o $(call room_links,decision)
	$(if $(Q),$(call say,link))
	$(Q)$(LINK) -o $@ $^ $(LIBS)
asan: ## build with AddressSanitizer and UBSan into $(BUILD)/san
	@$(MAKE) --no-print-directory SANITIZER=address,undefined all

$(OUT)/option-docs: scripts/option-docs.c $(call room_archive,base)
	$(if $(Q),$(call say,link))
	$(Q)$(COMPILE) $(WARNINGS) $(CPPFLAGS) $(CFLAGS) -o $@ $^ $(LDFLAGS) $(LIBS)
option-docs: $(OUT)/option-docs ## write the sample configuration and its manual from the option table
	@BUILD=$(OUT) scripts/option-docs --write

lint: $(OUT)/option-docs ## format, static analysis, scripts; all must be clean
	@LINT_FLAGS='$(LANGUAGE) $(package_flags) -Itests' JOBS=$(JOBS) BUILD=$(OUT) scripts/lint
layers: ## check that every room includes only what it may know
	@scripts/layers
format: ## lay out all C files as .clang-format says
	clang-format -i $(all_c)
.PHONY: test run bench villain bench-decision bench-crawlers bench-events bench-reports asan lint layers format option-docs

# ---- Installing and the rest ---------------------------------------------------------------------

install: all ## install programs, configuration (never over yours), manual pages, systemd unit
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(SYSCONFDIR)/masthead $(DESTDIR)$(PREFIX)/lib/systemd/system
	install -m 755 $(OUT)/adserver $(OUT)/adctl $(DESTDIR)$(PREFIX)/bin
	for file in $(wildcard config/adserver.conf config/redis.conf); do \
	    to=$(DESTDIR)$(SYSCONFDIR)/masthead/$${file##*/}; \
	    install -m 644 $$file $$to.sample || exit 1; \
	    [ -e $$to ] || install -m 644 $$file $$to || exit 1; \
	done
	sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@SYSCONFDIR@|$(SYSCONFDIR)|g' config/masthead.service \
	    > $(DESTDIR)$(PREFIX)/lib/systemd/system/masthead.service
	for page in $(wildcard docs/*.1 docs/*.5 docs/*.8); do \
	    install -D -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/} || exit 1; \
	done

clean: ## remove everything that was built
	rm -rf $(BUILD)

help: ## this list
	@echo 'Targets:'
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  \1\t\2/p' Makefile | sort | expand -t 16
	@echo
	@sed -n '/^# Knobs/,/^# How it is laid out/p' Makefile | sed -e '$$d' -e 's/^# \{0,1\}//'
.PHONY: install clean help

-include $(shell find $(OUT)/obj $(OUT)/tests/obj -name '*.d' 2>/dev/null)
