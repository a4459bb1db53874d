# SPDX-License-Identifier: BSD-3-Clause
# One file builds everything. Objects go to build/<config>/, where config follows SANITIZE.
#   make            the library and musctl
#   make help       all targets

VERSION := 0.1.0
SOVERSION := 0
PREFIX ?= /usr/local
DESTDIR ?=
CC ?= cc
CONFIG := $(if $(SANITIZE),$(subst $(eval) ,-,$(subst $(comma),-,$(SANITIZE))),release)
comma := ,
B := build/$(CONFIG)
Q := $(if $(V),,@)

WARN := -Wall -Wextra -Wdeclaration-after-statement -Wmissing-prototypes -Wstrict-prototypes \
	-Wshadow -Wundef -Wwrite-strings -Wpointer-arith -Wformat=2 -Wformat-signedness \
	-Wno-unused-parameter -Wno-missing-field-initializers -Wvla $(if $(WERROR),-Werror)
OPT := $(if $(SANITIZE),-O1 -g -fno-omit-frame-pointer -fsanitize=$(SANITIZE) \
	-fno-sanitize-recover=all,-O2 -g)
CFLAGS ?= $(OPT)
override CFLAGS += -std=gnu11 -D_GNU_SOURCE -fvisibility=hidden -fPIC -pthread $(WARN)
override CPPFLAGS += -Ilib
override LDFLAGS += $(if $(SANITIZE),-fsanitize=$(SANITIZE)) -pthread

LIB_PKGS := json-c uuid
CLI_PKGS := json-c uuid smartcols libudev
pkg = $(shell pkg-config $(1) $(2))

LIB_SRC := $(wildcard lib/*.c)
DEV_SRC := $(wildcard devices/*.c devices/*/*.c)
CLI_SRC := $(wildcard cli/*.c)
UNIT_SRC := $(wildcard tests/unit/test_*.c)
obj = $(patsubst %.c,$(B)/%.o,$(1))

.PHONY: all help clean unit
all: $(B)/libmuser.so.$(SOVERSION) $(B)/libmuser.a $(if $(CLI_SRC),$(B)/musctl)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(call pkg,--cflags,$(CLI_PKGS)) -MMD -MP -c -o $@ $<

$(B)/libmuser.a: $(call obj,$(LIB_SRC))
	@echo "  AR    $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/libmuser.so.$(SOVERSION): $(call obj,$(LIB_SRC)) lib/libmuser.map
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,libmuser.so.$(SOVERSION) \
		-Wl,--version-script=lib/libmuser.map $(if $(SANITIZE),,-Wl,-z,defs) -o $@ \
		$(call obj,$(LIB_SRC)) $(call pkg,--libs,$(LIB_PKGS))
	$(Q)ln -sf $(@F) $(B)/libmuser.so

$(B)/musctl: $(call obj,$(CLI_SRC) $(DEV_SRC)) $(B)/libmuser.a
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(call pkg,--libs,$(CLI_PKGS))

$(B)/tests/unit/%: tests/unit/%.c $(B)/libmuser.a
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -MMD -MP -o $@ $< $(B)/libmuser.a \
		$(call pkg,--libs --cflags,$(LIB_PKGS) cmocka)

unit: $(patsubst %.c,$(B)/%,$(UNIT_SRC))
	$(Q)for t in $^; do $$t || exit 1; done

clean:
	rm -rf build

-include $(shell find build -name '*.d' 2>/dev/null)
