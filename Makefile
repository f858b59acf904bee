# portable-vault. Targets: all demo check check-asan check-ubsan check-crash check-media check-layers
# bench bench-pack bench-reseal bench-audit fuzz format install deb-ready clean. Quiet unless V=1. Needs:
# see DEPS; `make deps` installs them.
NAME     := vault
VERSION  := 0.1.0
PREFIX   ?= /usr/local
DESTDIR  ?=
BUILD    ?= build
CC       ?= gcc
OPT      ?= -O2 -g
SANITIZE ?=

DEPS := build-essential pkg-config gettext libfuse3-dev fuse3 libsodium-dev libssl-dev \
	libarchive-dev libzstd-dev libjansson-dev libutf8proc-dev libqrencode-dev
TEST_DEPS := libcmocka-dev age minisign zstd tar e2fsprogs xfsprogs btrfs-progs exfat-fuse \
	dosfstools exfatprogs chromium poppler-utils zbar-tools rsyslog python3 python3-cryptography rsync sqlite3 git attr util-linux

PKGS   := fuse3 libsodium libcrypto libarchive libzstd jansson libutf8proc libqrencode
CFLAGS_ALL := -std=gnu11 $(OPT) -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wno-unused-parameter -fstack-protector-strong -fPIE -pthread -MMD -MP \
	-D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DFUSE_USE_VERSION=314 \
	-DVAULT_NAME='"$(NAME)"' -DVAULT_VERSION='"$(VERSION)"' -DLOCALEDIR='"$(PREFIX)/share/locale"' \
	-DPLUGINDIR='"$(PREFIX)/libexec/portable-vault/plugins"' \
	-Isrc -I. $(shell pkg-config --cflags $(PKGS) 2>/dev/null) $(SANITIZE) $(CFLAGS)
ifeq ($(SANITIZE),)
CFLAGS_ALL += -D_FORTIFY_SOURCE=2
else
# Sanitizers hide from the compiler what it knew about lengths and first uses.
CFLAGS_ALL += -Wno-format-truncation -Wno-stringop-truncation -Wno-maybe-uninitialized
endif
LDFLAGS_ALL := -pie -Wl,-z,relro,-z,now -pthread $(SANITIZE) $(LDFLAGS)
LIBS = $(shell pkg-config --libs $(PKGS))

# From the bottom up: a module may use itself and what stands before it on another row.
MODULES := base crypto age store audit volume org access pack
MODULES := $(foreach m,$(MODULES),$(if $(wildcard src/$(m)/*.c),$(m)))

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-6s %s\n' '$(1)' '$(2)';)

lib   = $(BUILD)/lib$(1).a
objs  = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(1)/*.c))
# Libraries that a test of module $(1) is linked with, topmost first.
below_base    := base
below_crypto  := crypto base
below_age     := age crypto base
below_store   := store crypto base
below_audit   := audit crypto base
below_volume  := volume store crypto base
below_org     := org audit age store crypto base
below_access  := access volume org audit age store crypto base
below_pack    := pack volume org audit age store crypto base
below_fuse    := $(below_access)
below_cli     = $(MODULES)
below = $(foreach m,$(below_$(1)),$(if $(filter $(m),$(MODULES)),$(call lib,$(m))))

DATA_FILES := $(wildcard tools/data/*.tsv tools/data/*.sh)

all: $(BUILD)/$(NAME) $(DATA_FILES:tools/data/%=$(BUILD)/%) locale

$(DATA_FILES:tools/data/%=$(BUILD)/%): $(BUILD)/%: tools/data/%
	$(Q)mkdir -p $(@D) && cp $< $@

define module_rule
$(call lib,$(1)): $(call objs,src/$(1))
	$$(call say,AR,$$@)rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach m,$(MODULES),$(eval $(call module_rule,$(m))))

$(BUILD)/%.o: %.c
	$(Q)mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CFLAGS_ALL) -c $< -o $@

$(BUILD)/$(NAME): $(call objs,tools) $(call objs,fuse) $(foreach m,$(MODULES),$(call lib,$(m)))
	$(call say,LD,$@)$(CC) $(LDFLAGS_ALL) $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS) -o $@

# Translations: tools/po/LANG.po
LANGS := $(patsubst tools/po/%.po,%,$(wildcard tools/po/*.po))
locale: $(foreach l,$(LANGS),$(BUILD)/locale/$(l)/LC_MESSAGES/portable-vault.mo)
$(BUILD)/locale/%/LC_MESSAGES/portable-vault.mo: tools/po/%.po
	$(Q)mkdir -p $(@D)
	$(call say,MO,$@)msgfmt --check-format -o $@ $<

# Tests: every tests/MODULE/test_*.c is a program of its own; helpers beside it are linked in.
TEST_MODULES := base crypto age store audit volume org access pack fuse cli
test_srcs    := $(foreach m,$(TEST_MODULES),$(wildcard tests/$(m)/test_*.c))
# Every tests/MODULE/fuzz_NAME.c also becomes replay_NAME, which plays its corpus once.
replays       = $(patsubst tests/$(1)/fuzz_%.c,$(BUILD)/tests/$(1)/replay_%,$(wildcard tests/$(1)/fuzz_*.c))
fuzzers       = $(patsubst tests/$(1)/fuzz_%.c,$(BUILD)/tests/$(1)/fuzz_%,$(wildcard tests/$(1)/fuzz_*.c))
TEST_PROGS   := $(patsubst %.c,$(BUILD)/%,$(test_srcs)) $(foreach m,$(TEST_MODULES),$(call replays,$(m)))
FUZZ_PROGS   := $(foreach m,$(TEST_MODULES),$(call fuzzers,$(m)))
define test_rule
tests_$(1)_help := $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(wildcard tests/$(1)/test_*.c tests/$(1)/fuzz_*.c tests/$(1)/gen_*.c),$(wildcard tests/$(1)/*.c)))
$(patsubst %.c,$(BUILD)/%,$(wildcard tests/$(1)/test_*.c)): $(BUILD)/tests/$(1)/%: $(BUILD)/tests/$(1)/%.o $$(tests_$(1)_help) $$(SIM_OBJS_$(1)) $$(call below,$(1))
	$$(call say,LD,$$@)$$(CC) $$(LDFLAGS_ALL) $$(filter %.o,$$^) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group -lcmocka $$(LIBS) -o $$@
$(call replays,$(1)): $(BUILD)/tests/$(1)/replay_%: $(BUILD)/tests/$(1)/fuzz_%.o $(BUILD)/tests/fuzz_main.o $$(FUZZ_WITH_$(1)) $$(call below,$(1))
	$$(call say,LD,$$@)$$(CC) $$(LDFLAGS_ALL) $$(filter %.o,$$^) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $$(LIBS) -o $$@
$(call fuzzers,$(1)): $(BUILD)/tests/$(1)/fuzz_%: $(BUILD)/tests/$(1)/fuzz_%.o $$(FUZZ_WITH_$(1)) $$(call below,$(1))
	$$(call say,LD,$$@)$$(CC) $$(LDFLAGS_ALL) -fsanitize=fuzzer $$(filter %.o,$$^) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $$(LIBS) -o $$@
test-$(1): $(patsubst %.c,$(BUILD)/%,$(wildcard tests/$(1)/test_*.c)) $(call replays,$(1))
	$$(Q)tests/run --build $(BUILD) $$^
endef
# The simulated disk of tests/store serves the tests of the layers above it too.
SIM_OBJS_volume := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/store/sim_*.c))
SIM_OBJS_access := $(SIM_OBJS_volume)
# What a fuzzer of that module needs beside the libraries.
FUZZ_WITH_store  := $(BUILD)/tests/store/sim_disk.o
FUZZ_WITH_volume := $(FUZZ_WITH_store)
FUZZ_WITH_access := $(FUZZ_WITH_store)
FUZZ_WITH_org    := $(BUILD)/tests/org/sign_text.o
FUZZ_WITH_fuse   := $(call objs,fuse)
FUZZ_WITH_cli    := $(filter-out %/main.o,$(call objs,tools)) $(call objs,fuse)
$(foreach m,$(TEST_MODULES),$(eval $(call test_rule,$(m))))

# Makes logs of a large society: for bench-audit, and small ones for a test.
FLEET := $(BUILD)/tests/bench/fleet
$(FLEET): $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/bench/*.c)) $(below_audit:%=$(BUILD)/lib%.a)
	$(call say,LD,$@)$(CC) $(LDFLAGS_ALL) $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS) -o $@

test-programs: $(TEST_PROGS) $(FLEET)

# ---- kept images (tests/images/README.md): made anew from version 1 as it is now ----
$(BUILD)/tests/access/gen_images: $(BUILD)/tests/access/gen_images.o $(tests_access_help) $(call below,access)
	$(call say,LD,$@)$(CC) $(LDFLAGS_ALL) $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group -lcmocka $(LIBS) -o $@
images: all $(BUILD)/tests/access/gen_images
	$(Q)BUILD=$(BUILD) tests/images/lib/make.py

# Scripts among the tests; each prints TAP and finds the program in $BUILD.
SCRIPTS := $(sort $(filter-out tests/bench/% tests/cli/cli.py tests/reader/vault-reader.py,\
	$(wildcard tests/*/*.sh tests/*/*.py)))
# The crash gate's programs read CRASHES (how many) and SEED from the environment.
CRASH_TESTS := $(filter %/test_crash_store %/test_crash_volume %/test_crash_threads %/test_crash_steps \
	%/test_crash_rekey %/test_epoch %/test_flip %/test_flip_keys,$(TEST_PROGS))

# ---- what has to be installed ----
missing = $(shell for p in $(1); do dpkg-query -W -f '$${Status}' $$p 2>/dev/null | \
	grep -q 'ok installed' || echo $$p; done)
define install_deps
	@missing="$(call missing,$(1))"; if [ -n "$$missing" ]; then \
		if [ "$$(id -u)" = 0 ]; then \
			echo "Installing: $$missing"; \
			apt-get update -qq && \
			DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing >/dev/null; \
		else \
			echo "These packages are missing. Please run:"; \
			echo "  sudo apt-get install $$missing"; exit 69; \
		fi; fi
endef
deps:
	$(call install_deps,$(DEPS))
test-deps:
	$(call install_deps,$(DEPS) $(TEST_DEPS))

# ---- the two commands of the README ----
demo: deps
	$(Q)$(MAKE) --no-print-directory -s -j$(JOBS) all
	$(Q)tools/demo.sh --build $(BUILD) $(DEMO_ARGS)

JOBS ?= $(shell nproc)
SAN  := $(BUILD)-san
check: test-deps check-layers
	$(Q)$(MAKE) --no-print-directory -s -j$(JOBS) all test-programs
	$(Q)$(MAKE) --no-print-directory -s -j$(JOBS) BUILD=$(SAN) $(ASAN_UBSAN) all test-programs
	$(Q)tests/run build=$(BUILD) $(TEST_PROGS) $(SCRIPTS) \
		build=$(SAN) $(TEST_PROGS:$(BUILD)/%=$(SAN)/%) $(SCRIPTS)

ASAN       = SANITIZE='-fsanitize=address -fno-omit-frame-pointer' OPT='-O1 -g'
UBSAN      = SANITIZE='-fsanitize=undefined -fno-sanitize-recover=all' OPT='-O1 -g'
ASAN_UBSAN = SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer' \
	OPT='-O1 -g'
suite:
	$(Q)$(MAKE) --no-print-directory -s -j$(JOBS) all test-programs
	$(Q)tests/run build=$(BUILD) $(TEST_PROGS) $(SCRIPTS)
check-asan: test-deps
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)-asan $(ASAN) suite
check-ubsan: test-deps
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)-ubsan $(UBSAN) suite
check-crash: test-deps
	$(Q)$(MAKE) --no-print-directory -s -j$(JOBS) test-programs
	$(Q)CRASHES=$(or $(CRASHES),1000000) TEST_TIMEOUT=7200 tests/run --show build=$(BUILD) $(CRASH_TESTS)
# ---- line coverage of src/ by the whole suite, run once; needs gcov, which comes with gcc ----
COV      = $(BUILD)-cov
COUNTERS = $(abspath $(COV))/counters
coverage: test-deps
	$(Q)$(MAKE) --no-print-directory -s -j$(JOBS) BUILD=$(COV) OPT='-O1 -g' SANITIZE=--coverage \
		all test-programs
	$(Q)rm -rf $(COUNTERS) && mkdir -p $(COUNTERS)
	$(Q)GCOV_PREFIX=$(COUNTERS) tests/run build=$(COV) $(TEST_PROGS:$(BUILD)/%=$(COV)/%) $(SCRIPTS); \
		ran=$$?; tests/coverage $(COV) $(COUNTERS) && exit $$ran
# Vaults on real file systems in loop images (needs root): what happens to media, and the stories of
# mounts and commands with their vaults on each kind.
MEDIA         ?= ext4 xfs btrfs exfat
MEDIA_STORIES := $(addprefix tests/fuse/,posix.py tools.py ends.py) $(addprefix tests/cli/test_,cp.py \
	day.sh exit_codes.py json.py rekey.py salvage.py)
check-media: test-deps
	$(Q)$(MAKE) --no-print-directory -s -j$(JOBS) all
	$(Q)VAULT_TEST_MEDIA=all TEST_TIMEOUT=3600 tests/run build=$(BUILD) tests/fuse/media.py
	$(Q)for kind in $(MEDIA); do \
		tests/on-medium $$kind tests/run build=$(BUILD) $(MEDIA_STORIES) || exit 1; done
check-layers:
	$(Q)tests/layers src fuse tools

# ---- speed, side by side with peers ----
bench: deps
	$(call install_deps,$(DEPS) gocryptfs python3)
	$(Q)$(MAKE) --no-print-directory -s -j$(JOBS) all
	$(Q)tests/bench/bench.py --build $(BUILD) $(BENCH_ARGS)
	$(Q)$(MAKE) --no-print-directory bench-pack
	$(Q)$(MAKE) --no-print-directory bench-reseal
	$(Q)$(MAKE) --no-print-directory bench-audit
bench-pack: deps
	$(call install_deps,$(DEPS) age zstd gpg p7zip-full tar python3)
	$(Q)$(MAKE) --no-print-directory -s -j$(JOBS) all
	$(Q)tests/bench/pack.py --build $(BUILD) $(BENCH_PACK_ARGS)

bench-reseal: deps
	$(Q)$(MAKE) --no-print-directory -s -j$(JOBS) all
	$(Q)tests/bench/reseal.py --build $(BUILD) $(BENCH_RESEAL_ARGS)

# Keeps 6.3 GB of logs in TMPDIR (or --where) for the next time.
bench-audit: deps
	$(Q)$(MAKE) --no-print-directory -s -j$(JOBS) all $(FLEET)
	$(Q)tests/bench/audit.py --build $(BUILD) $(BENCH_AUDIT_ARGS)

# ---- fuzzing: libFuzzer, clang; FUZZ_SECONDS each; FUZZ='age/header …' for some of them ----
FUZZ_SECONDS ?= 600
FUZZING = BUILD=$(BUILD)-fuzz CC=clang OPT='-O1 -g' CFLAGS=-Wno-unknown-warning-option \
	SANITIZE='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer'
fuzz-programs: $(FUZZ_PROGS)
fuzzers:
	$(Q)$(MAKE) --no-print-directory -s -j$(JOBS) $(FUZZING) fuzz-programs
fuzz:
	$(call install_deps,$(DEPS) clang libclang-rt-14-dev)
	$(Q)$(MAKE) --no-print-directory fuzzers
	$(Q)tests/fuzz $(BUILD)-fuzz $(FUZZ_SECONDS) $(FUZZ)

# ---- installing ----
install: all
	install -D -m 755 $(BUILD)/$(NAME) $(DESTDIR)$(PREFIX)/bin/$(NAME)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/portable-vault $(DATA_FILES)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/portable-vault README.md LICENSE docs/*.md docs/*.conf
	for l in $(LANGS); do install -D -m 644 $(BUILD)/locale/$$l/LC_MESSAGES/portable-vault.mo \
		$(DESTDIR)$(PREFIX)/share/locale/$$l/LC_MESSAGES/portable-vault.mo; done
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	$(BUILD)/$(NAME) completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/$(NAME)
# What a package builder needs to hold: a whole install below a staging root, nothing outside it.
deb-ready:
	$(Q)rm -rf $(BUILD)/deb/stage
	$(Q)$(MAKE) --no-print-directory -s -j$(JOBS) BUILD=$(BUILD)/deb PREFIX=/usr all
	$(Q)$(MAKE) --no-print-directory -s BUILD=$(BUILD)/deb PREFIX=/usr \
		DESTDIR=$(abspath $(BUILD))/deb/stage install
	$(Q)cd $(BUILD)/deb/stage && find . -type f | sort

format:
	$(Q)clang-format -i $$(git ls-files '*.c' '*.h' | grep -v err_table.h)

clean:
	$(Q)rm -rf $(BUILD) $(SAN) $(BUILD)-asan $(BUILD)-ubsan $(BUILD)-fuzz $(BUILD)-cov

-include $(shell test -d $(BUILD) && find $(BUILD) -name '*.d')
.PHONY: all images locale test-programs deps test-deps demo check suite check-asan check-ubsan check-crash \
	check-media coverage check-layers bench bench-pack bench-reseal bench-audit fuzz-programs fuzzers fuzz install deb-ready format clean
.SECONDARY:
