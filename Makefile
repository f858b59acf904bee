# portable-vault. Targets: all demo check check-asan check-ubsan check-crash check-layers bench fuzz
# format install deb-ready clean. Quiet unless V=1. Needs: see DEPS; `make deps` installs them.
NAME     := vault
VERSION  := 0.1.0
PREFIX   ?= /usr/local
DESTDIR  ?=
BUILD    ?= build
CC       ?= gcc
OPT      ?= -O2 -g
SANITIZE ?=

DEPS := build-essential pkg-config gettext libfuse3-dev fuse3 libsodium-dev libssl-dev \
	libarchive-dev libzstd-dev libjansson-dev libutf8proc-dev
TEST_DEPS := libcmocka-dev age minisign zstd tar e2fsprogs exfat-fuse python3 rsync sqlite3 git attr \
	util-linux

PKGS   := fuse3 libsodium libcrypto libarchive libzstd jansson libutf8proc
CFLAGS_ALL := -std=gnu11 $(OPT) -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wno-unused-parameter -fstack-protector-strong -fPIE -pthread -MMD -MP \
	-D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DFUSE_USE_VERSION=314 \
	-DVAULT_NAME='"$(NAME)"' -DVAULT_VERSION='"$(VERSION)"' -DLOCALEDIR='"$(PREFIX)/share/locale"' \
	-Isrc -I. $(shell pkg-config --cflags $(PKGS) 2>/dev/null) $(SANITIZE) $(CFLAGS)
ifeq ($(SANITIZE),)
CFLAGS_ALL += -D_FORTIFY_SOURCE=2
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
below_cli     := $(below_access)
below = $(foreach m,$(below_$(1)),$(if $(filter $(m),$(MODULES)),$(call lib,$(m))))

all: $(BUILD)/$(NAME) locale

define module_rule
$(call lib,$(1)): $(call objs,src/$(1))
	$$(call say,AR,$$@)rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach m,$(MODULES),$(eval $(call module_rule,$(m))))

$(BUILD)/%.o: %.c
	$(Q)mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CFLAGS_ALL) -c $< -o $@

$(BUILD)/$(NAME): $(call objs,tools) $(call objs,fuse) $(foreach m,$(below_access),$(call lib,$(m)))
	$(call say,LD,$@)$(CC) $(LDFLAGS_ALL) $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS) -o $@

# Translations: tools/po/LANG.po
LANGS := $(patsubst tools/po/%.po,%,$(wildcard tools/po/*.po))
locale: $(foreach l,$(LANGS),$(BUILD)/locale/$(l)/LC_MESSAGES/portable-vault.mo)
$(BUILD)/locale/%/LC_MESSAGES/portable-vault.mo: tools/po/%.po
	$(Q)mkdir -p $(@D)
	$(call say,MO,$@)msgfmt --check-format -o $@ $<

# Tests: every tests/MODULE/test_*.c is a program of its own; helpers beside it are linked in.
TEST_MODULES := base crypto age store audit volume org access fuse cli
test_srcs    := $(foreach m,$(TEST_MODULES),$(wildcard tests/$(m)/test_*.c))
TEST_PROGS   := $(patsubst %.c,$(BUILD)/%,$(test_srcs))
define test_rule
tests_$(1)_help := $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(wildcard tests/$(1)/test_*.c tests/$(1)/fuzz_*.c tests/$(1)/gen_*.c),$(wildcard tests/$(1)/*.c)))
$(patsubst %.c,$(BUILD)/%,$(wildcard tests/$(1)/test_*.c)): $(BUILD)/tests/$(1)/%: $(BUILD)/tests/$(1)/%.o $$(tests_$(1)_help) $$(SIM_OBJS_$(1)) $$(call below,$(1))
	$$(call say,LD,$$@)$$(CC) $$(LDFLAGS_ALL) $$(filter %.o,$$^) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group -lcmocka $$(LIBS) -o $$@
test-$(1): $(patsubst %.c,$(BUILD)/%,$(wildcard tests/$(1)/test_*.c))
	$$(Q)tests/run --build $(BUILD) $$^
endef
# The simulated disk of tests/store serves the tests of the layers above it too.
SIM_OBJS_volume := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/store/sim_*.c))
SIM_OBJS_access := $(SIM_OBJS_volume)
$(foreach m,$(TEST_MODULES),$(eval $(call test_rule,$(m))))

test-programs: $(TEST_PROGS)

check-layers:
	$(Q)tests/layers src fuse tools

format:
	$(Q)clang-format -i $$(git ls-files '*.c' '*.h' | grep -v err_table.h)

clean:
	$(Q)rm -rf $(BUILD)

-include $(shell test -d $(BUILD) && find $(BUILD) -name '*.d')
.PHONY: all locale test-programs check-layers format clean
.SECONDARY:
