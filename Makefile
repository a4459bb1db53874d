# SPDX-License-Identifier: BSD-3-Clause
# One file builds everything. Objects go to build/<config>/, where config follows SANITIZE.
#   make            the library, musctl and the man pages
#   make help       all targets

VERSION := 0.2.0
SOVERSION := 0
PREFIX ?= /usr/local
DESTDIR ?=
LIBDIR ?= $(PREFIX)/lib
LIBEXECDIR ?= $(PREFIX)/libexec
UDEVDIR ?= /usr/lib/udev
CC ?= cc
OBJCOPY ?= objcopy
comma := ,
CONFIG := $(if $(SANITIZE),$(subst $(comma),-,$(SANITIZE)),release)
B := build/$(CONFIG)
Q := $(if $(V),,@)

# An option that not every compiler has.
cc-option = $(shell $(CC) -Werror $(1) -E -x c /dev/null >/dev/null 2>&1 && echo ' $(1)')
no-warning = $(if $(call cc-option,-W$(1)), -Wno-$(1))
WARN := -Wall -Wextra -Wdeclaration-after-statement -Wmissing-prototypes -Wstrict-prototypes \
	-Wshadow -Wundef -Wwrite-strings -Wpointer-arith -Wformat=2$(call cc-option,-Wformat-signedness) \
	-Wno-unused-parameter -Wno-missing-field-initializers -Wvla \
	$(call no-warning,gnu-variable-sized-type-not-at-end) $(if $(WERROR),-Werror)
OPT := $(if $(SANITIZE),-O1 -g -fno-omit-frame-pointer -fsanitize=$(SANITIZE) \
	-fno-sanitize-recover=all,-O2 -g)
CFLAGS ?= $(OPT)
override CFLAGS += -std=gnu11 -D_GNU_SOURCE -fvisibility=hidden -fPIC -pthread $(WARN)
# The UAPI of muser.ko is part of its source: <linux/muser.h>.
override CPPFLAGS += -Ilib -Ikmod/uapi $(if $(URING),-DMUSER_URING)
override LDFLAGS += $(if $(SANITIZE),-fsanitize=$(SANITIZE)) -pthread

# pkg-config name, and the Debian package to name where it is missing.
PKGS := json-c:libjson-c-dev uuid:uuid-dev smartcols:libsmartcols-dev libudev:libudev-dev
# Without it, block backends have threads.
URING := $(shell pkg-config --exists liburing 2>/dev/null && echo liburing)
LIB_PKGS := json-c uuid $(URING)
CLI_PKGS := $(LIB_PKGS) smartcols libudev
pkg = $(shell pkg-config $(1) $(2))

NVME_SRC := $(wildcard lib/nvme/*.c)
LIB_SRC := $(filter-out $(NVME_SRC),$(wildcard lib/*.c lib/*/*.c))
DEV_SRC := $(filter-out devices/examples/%,$(wildcard devices/*.c devices/*/*.c))
CLI_SRC := $(wildcard cli/*.c cli/*/*.c)
# Parts of the library that musctl uses as its own; they know nothing of devices.
CLI_LIB_SRC := lib/program.c $(addprefix lib/base/,bus.c json.c describe.c dir.c log_level.c option.c prop.c \
	sockpath.c name_fault.c utf8.c value_fault.c)
UNIT_SRC := $(wildcard tests/unit/test_*.c)
DEVTEST_SRC := $(wildcard tests/devices/test_*.c)
BENCH_SRC := $(wildcard tests/bench/*.c)
MAN := $(patsubst man/%.scd,build/man/%,$(wildcard man/*.scd))
HEADERS := $(wildcard lib/muser*.h lib/muser*.hpp)
BACKENDS := $(patsubst cli/data/50-muser-%.json,%,$(wildcard cli/data/50-muser-*.json))
obj = $(patsubst %.c,$(B)/%.o,$(1))
program = $(patsubst %.c,$(B)/%,$(1))

.PHONY: all help kmod headers install-kmod install-dkms install-rule pkgs deps deps-check demo check check-quick check-vm \
	check-kdebug check-nvme check-fuzz check-build sanitized fuzz soak bench bench-kmod lint man install uninstall clean
.DELETE_ON_ERROR:
.SECONDARY:

LIBRARIES := libmuser libmuser-nvme
all: $(LIBRARIES:%=$(B)/%.so.$(SOVERSION)) $(LIBRARIES:%=$(B)/%.a) $(B)/musctl man

help:
	@echo 'make              library, musctl and man pages, in build/release'
	@echo 'make kmod         muser.ko for KDIR (the running kernel), in build/kmod/RELEASE'
	@echo 'make demo         install what is missing, build, show the main job in a VM'
	@echo 'make check        install what tests need, run all of them'
	@echo 'make check T=unit/test_irq   one of them; cli/list, vm/suite_memory, lint/sizes ...'
	@echo 'make check-quick  lint, unit, devices, cli: no root; minutes, the first time more'
	@echo 'make check-vm     stock kernels and drivers in QEMU'
	@echo 'make check-kdebug muser.ko on kernels with lockdep, KASAN and kmemleak, and iommufd: an hour'
	@echo 'make check-nvme   nvme by a stock driver, at length; by that of 6.12; over muser.ko'
	@echo 'make fuzz         the fuzzers, FUZZ_SECONDS (600) each'
	@echo 'make soak         shadow doorbells of nvme, MUSER_SOAK (20000000) commands'
	@echo 'make bench        ratios against the bare operations; PEERS=DIR adds peers'
	@echo 'make bench-kmod   the same for muser.ko, in a VM'
	@echo 'make lint         sizes, walls, documentation, scripts'
	@echo 'make install      to DESTDIR and PREFIX ($(PREFIX)); without DESTDIR, ldconfig follows'
	@echo 'make uninstall    removes what install has put there'
	@echo 'make install-kmod muser.ko for KDIR, the udev rule and its group'
	@echo 'make install-dkms the same by DKMS, for kernels to come as well'
	@echo 'make deps         install build dependencies (apt); deps-check: also those of tests'
	@echo 'make clean        remove build/'
	@echo 'Variables: SANITIZE=address,undefined  WERROR=1  V=1  CC=  CFLAGS='

# ---- building ------------------------------------------------------------------------

pkgs:
	@$(foreach p,$(PKGS),pkg-config --exists $(word 1,$(subst :, ,$(p))) || { \
		echo 'muser: $(word 1,$(subst :, ,$(p))) is missing: apt install' \
		'$(word 2,$(subst :, ,$(p))), or make deps' >&2; exit 1; };)

$(B)/cli/%.o: override CPPFLAGS += -Icli
$(B)/%.o: %.c | pkgs
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(call pkg,--cflags,$(CLI_PKGS)) -MMD -MP -c -o $@ $<

# Objects for the optimizer at link time have no symbols yet that could be made local.
NO_LTO := $(shell $(CC) -flinker-output=nolto-rel -dumpversion >/dev/null 2>&1 && \
	echo ' -flinker-output=nolto-rel')

# Tests see everything; users, and musctl, only what is exported.
$(B)/lib/internal.a: $(call obj,$(LIB_SRC) $(NVME_SRC))
	@echo "  AR    $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/libmuser.a: $(call obj,$(LIB_SRC))
$(B)/libmuser-nvme.a: $(call obj,$(NVME_SRC))
$(LIBRARIES:%=$(B)/%.a):
	@echo "  AR    $@"
	$(Q)rm -f $@ && $(CC) $(filter -O% -flto%,$(CFLAGS)) -r -nostdlib$(NO_LTO) -o $(@:.a=.o) $^ && \
		$(OBJCOPY) --localize-hidden $(@:.a=.o) && $(AR) rcs $@ $(@:.a=.o)

# The second one is a user of the first.
$(B)/libmuser.so.$(SOVERSION): $(call obj,$(LIB_SRC)) lib/libmuser.map
$(B)/libmuser.so.$(SOVERSION): NEEDS = $(call pkg,--libs,$(LIB_PKGS))
$(B)/libmuser-nvme.so.$(SOVERSION): $(call obj,$(NVME_SRC)) lib/libmuser-nvme.map \
	| $(B)/libmuser.so.$(SOVERSION)
$(B)/libmuser-nvme.so.$(SOVERSION): NEEDS = -L$(B) -lmuser
$(LIBRARIES:%=$(B)/%.so.$(SOVERSION)):
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,$(@F) \
		-Wl,--version-script=$(filter %.map,$^) $(if $(SANITIZE),,-Wl$(comma)-z$(comma)defs) \
		-o $@ $(filter %.o,$^) $(NEEDS)
	$(Q)ln -sf $(@F) $(@:.$(SOVERSION)=)

$(B)/musctl: $(call obj,$(CLI_SRC) $(DEV_SRC) $(CLI_LIB_SRC)) $(B)/libmuser-nvme.a $(B)/libmuser.a
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(call pkg,--libs,$(CLI_PKGS))

# The interface description is part of the library.
$(B)/lib/control/control_service.o: lib/muser.varlink

man: $(MAN)
# Those of section 3 have contracts in them that the headers say.
$(filter %.3,$(MAN)): $(HEADERS)
build/man/%: man/%.scd man/contracts.awk
	@mkdir -p $(@D)
	@echo "  MAN   $@"
	$(Q)awk -f man/contracts.awk $< >$@.scd && scdoc <$@.scd >$@

# Kbuild wants sources and objects in one folder: links to the sources, beside the objects.
KDIR ?= /lib/modules/$(shell uname -r)/build
KRELEASE = $(shell sed -n 's/^.define UTS_RELEASE "\(.*\)"/\1/p' \
	$(KDIR)/include/generated/utsrelease.h 2>/dev/null)
KMOD = build/kmod/$(KRELEASE)

headers:
	$(Q)[ -n '$(KRELEASE)' ] || { echo 'muser: no kernel headers in $(KDIR): apt install' \
		'linux-headers-amd64, or name others by KDIR=' >&2; exit 1; }

kmod: headers
	@mkdir -p $(KMOD)
	$(Q)find $(KMOD) -type l -delete && cp -rsf $(CURDIR)/kmod/. $(KMOD)/
	+$(Q)$(MAKE) --no-print-directory -C $(KDIR) M=$(CURDIR)/$(KMOD) \
		$(if $(WERROR),KCFLAGS=-Werror) modules

# ---- tests ---------------------------------------------------------------------------

$(B)/tests/unit/%: tests/unit/%.c $(B)/lib/internal.a
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -MMD -MP -o $@ $< $(B)/lib/internal.a \
		$(call pkg,--libs --cflags,$(LIB_PKGS) cmocka)

DEVTEST_OBJ := $(call obj,$(DEV_SRC) tests/devices/fixture.c)
$(B)/tests/devices/%: tests/devices/%.c $(DEVTEST_OBJ) $(B)/lib/internal.a
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -MMD -MP -o $@ $< $(DEVTEST_OBJ) \
		-Wl,--wrap=lm_event,--wrap=lm_timer_arm $(B)/lib/internal.a $(call pkg,--libs --cflags,$(LIB_PKGS) cmocka)

$(B)/tests/bench/%: tests/bench/%.c $(call obj,$(DEV_SRC)) $(B)/lib/internal.a
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -MMD -MP -o $@ $< $(call obj,$(DEV_SRC)) \
		$(B)/lib/internal.a $(call pkg,--libs --cflags,$(LIB_PKGS))

define vm-program
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -MMD -MP -o $@ $^ $(call pkg,--libs,$(LIB_PKGS))
endef
$(B)/tests/vm/%: tests/vm/%.c $(B)/libmuser.a
	$(vm-program)
$(B)/tests/vm/%: devices/examples/%.c $(B)/libmuser.a
	$(vm-program)
NVME_PROGRAMS := $(B)/tests/vm/nvme_hot $(B)/tests/vm/kv
$(NVME_PROGRAMS): $(B)/libmuser-nvme.a
NVME_PROGRAMS += $(B)/tests/vm/nvme_oracle

# The commands of vfio_client, over vfio-user.
$(B)/tests/vm/user_client: $(addprefix tests/vm/vfio_client/,vfio_client.c region.c irq.c dma.c absent.c)

# Without sanitizers or libraries: they run in guests.
VM_PROGRAMS := $(patsubst tests/%,$(B)/tests/%,$(wildcard tests/vm/vfio_client tests/vm/raw_server tests/vm/nvme_oracle))
.SECONDEXPANSION:
$(VM_PROGRAMS): $(B)/%: $$(wildcard %/*.[ch]) kmod/uapi/linux/muser.h
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(CC) -O2 -g -std=gnu11 -D_GNU_SOURCE -pthread $(WARN) -static -o $@ $(filter %.c,$^)

# musctl over a double of muser.ko's node.
$(B)/tests/cli/musctl: tests/cli/node.c $(call obj,$(CLI_SRC) $(DEV_SRC)) $(B)/lib/internal.a
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(call pkg,--libs,$(CLI_PKGS))

# T=unit/test_X needs its program alone, T=lint/X and T=cli/X none of those.
ONE := $(filter tests/unit/% tests/devices/%,$(wildcard $(T:%=tests/%.c)))
check-build: $(if $(ONE),$(call program,$(ONE)),all $(B)/tests/cli/musctl $(NVME_PROGRAMS) \
	$(if $(filter lint/% cli/% vm/%,$(T)),,$(call program,$(UNIT_SRC) $(DEVTEST_SRC))))

SANITIZED := SANITIZE=address,undefined WERROR=1
CHECK = BUILD=build/address-undefined tests/check.sh

sanitized: deps-check
	+$(Q)$(MAKE) --no-print-directory $(SANITIZED) check-build
	$(if $(ONE),,+$(Q)$(MAKE) --no-print-directory all)

check: sanitized
	$(Q)$(CHECK) $(or $(T),lint builds unit devices cli fuzz vm)

check-quick: sanitized
	$(Q)$(CHECK) lint unit devices cli

check-fuzz: deps-check
	$(Q)$(CHECK) fuzz

check-vm: sanitized
	$(Q)$(CHECK) vm

check-kdebug:
	$(Q)tests/deps.sh kdebug
	+$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/vm/check-kdebug.sh

# What check-vm does with its devices, more of it; the same with 6.12; a guest in a guest.
check-nvme: sanitized
	$(Q)NVME_TREE=256 NVME_PLUGS=10 NVME_FIO='--time_based --runtime=60' GUEST_TIMEOUT=1200 \
		$(CHECK) vm/nvme
	$(Q)GUEST_KERNEL=bookworm-security $(CHECK) vm/nvme
	$(Q)$(CHECK) vm/nested_nvme

lint: all
	$(Q)MUSER_BUILD=$(B) tests/lint/run.sh

fuzz: deps-check
	$(Q)FUZZ_SECONDS=$(or $(FUZZ_SECONDS),600) tests/fuzz/run.sh

soak: $(B)/tests/unit/test_nvme_shadow
	$(Q)MUSER_SOAK=$(or $(MUSER_SOAK),20000000) $<

bench: all $(call program,$(BENCH_SRC))
	$(Q)BUILD=$(B) tests/bench/bench.sh

bench-kmod: all $(B)/tests/bench/kmod
	$(Q)BUILD=$(B) tests/bench/kmod.sh

demo:
	$(Q)tests/deps.sh demo
	+$(Q)$(MAKE) --no-print-directory all
	$(Q)MUSCTL=$(CURDIR)/build/release/musctl tests/vm/demo.sh

deps:
	$(Q)tests/deps.sh build
deps-check:
	$(Q)tests/deps.sh check

# ---- installing ----------------------------------------------------------------------

INSTALL = install -D
dest = $(DESTDIR)$(1)
here = $(if $(DESTDIR),@:,$(1))
# Without it, programs that are linked with the library do not find it.
LDCONFIG ?= PATH=$$PATH:/sbin ldconfig

# Sources to begin with: the devices of musctl, and the programs of muser(7).
EXAMPLES := $(wildcard devices/*.[ch] devices/*/*.[ch] devices/examples/Makefile)
PROGRAMS := ticker.c mover.c move.c pad.c wdt.c ticker.cc
DOCDIR = $(PREFIX)/share/doc/muser

install: all
	$(INSTALL) -m 755 $(B)/musctl $(call dest,$(PREFIX)/bin/musctl)
	mkdir -p $(call dest,$(LIBDIR)/pkgconfig)
	for lib in $(LIBRARIES); do \
		$(INSTALL) -m 755 $(B)/$$lib.so.$(SOVERSION) \
			$(call dest,$(LIBDIR))/$$lib.so.$(VERSION) && \
		ln -sf $$lib.so.$(VERSION) $(call dest,$(LIBDIR))/$$lib.so.$(SOVERSION) && \
		ln -sf $$lib.so.$(SOVERSION) $(call dest,$(LIBDIR))/$$lib.so && \
		$(INSTALL) -m 644 $(B)/$$lib.a $(call dest,$(LIBDIR))/$$lib.a && \
		sed -e 's,@PREFIX@,$(PREFIX),' -e 's,@LIBDIR@,$(LIBDIR),' -e 's,@VERSION@,$(VERSION),' \
			-e 's,@LIBS_PRIVATE@,$(call pkg,--libs,$(LIB_PKGS)),' lib/$$lib.pc.in \
			>$(call dest,$(LIBDIR)/pkgconfig)/$$lib.pc || exit; done
	$(INSTALL) -m 644 -t $(call dest,$(PREFIX)/include) $(HEADERS)
	for page in $(MAN); do section=$${page##*.}; $(INSTALL) -m 644 $$page \
		$(call dest,$(PREFIX)/share/man/man$$section/)$${page##*/} || exit; done
	awk -v list=1 -f man/contracts.awk $(filter %.3.scd,$(wildcard man/*.scd)) | \
		while read -r name page; do [ $$name = $$page ] || echo ".so man3/$$page.3" \
			>$(call dest,$(PREFIX)/share/man/man3)/$$name.3 || exit; done
	$(INSTALL) -m 644 completions/musctl.bash \
		$(call dest,$(PREFIX)/share/bash-completion/completions/musctl)
	$(INSTALL) -m 644 completions/_musctl \
		$(call dest,$(PREFIX)/share/zsh/site-functions/_musctl)
	$(INSTALL) -m 644 completions/musctl.fish \
		$(call dest,$(PREFIX)/share/fish/vendor_completions.d/musctl.fish)
	mkdir -p $(call dest,$(PREFIX)/share/vfio-user) $(call dest,$(LIBEXECDIR)/muser)
	for type in $(BACKENDS); do \
		sed 's,@LIBEXECDIR@,$(LIBEXECDIR),' cli/data/50-muser-$$type.json \
			>$(call dest,$(PREFIX)/share/vfio-user)/50-muser-$$type.json && \
		ln -sf $(PREFIX)/bin/musctl \
			$(call dest,$(LIBEXECDIR)/muser)/vfio-user-$$type || exit; done
	for file in $(EXAMPLES); do $(INSTALL) -m 644 $$file \
		$(call dest,$(DOCDIR)/examples)/$${file#devices/} || exit; done
	mv $(call dest,$(DOCDIR)/examples)/examples/* $(call dest,$(DOCDIR)/examples)/
	rmdir $(call dest,$(DOCDIR)/examples)/examples
	for program in $(PROGRAMS); do awk -v name=$$program -f man/program.awk man/muser.7.scd \
		>$(call dest,$(DOCDIR)/examples)/$$program || exit; done
	$(call here,if [ "$$(id -u)" -eq 0 ]; then $(LDCONFIG); else \
		echo 'muser: run ldconfig as root$(comma) or set LD_LIBRARY_PATH=$(LIBDIR)' >&2; fi)

# What install puts there, found by installing it elsewhere, and directories of ours that are empty.
uninstall:
	+$(Q)there=$$(mktemp -d) && trap 'rm -rf "$$there"' EXIT && \
		$(MAKE) -s --no-print-directory install DESTDIR="$$there" && cd "$$there" && \
		find . ! -type d -printf '$(DESTDIR)/%P\0' | xargs -0 rm -f && \
		find . -depth -type d -path '*muser*' -printf '$(DESTDIR)/%P\0' | \
			xargs -0 rmdir --ignore-fail-on-non-empty 2>/dev/null || :

# muser.ko by hand, for the kernel of KDIR, or by DKMS, for those to come as well. Never by both:
# it is not defined which of two modules is loaded.
KUPDATES = $(call dest,/lib/modules/$(KRELEASE)/updates)
KSRC = $(call dest,/usr/src/muser-$(VERSION))
DKMS = dkms $(1) muser/$(VERSION) -k $(KRELEASE)

install-kmod: kmod install-rule
	$(Q)! ls $(KUPDATES)/dkms/muser.ko* >/dev/null 2>&1 || { echo 'muser: DKMS has muser.ko' \
		'for this kernel: make install-dkms, or dkms remove it' >&2; exit 1; }
	$(INSTALL) -m 644 $(KMOD)/muser.ko $(KUPDATES)/muser.ko
	$(call here,depmod $(KRELEASE))

# What was there stays until the new one is built.
install-dkms: $(if $(DESTDIR),,headers) install-rule
	rm -rf $(KSRC) && mkdir -p $(KSRC) && cp -r kmod/. $(KSRC)/
	$(call here,dkms status muser/$(VERSION) | grep -q . || dkms add muser/$(VERSION))
	$(call here,$(call DKMS,build --force))
	$(call here,rm -f $(KUPDATES)/muser.ko)
	$(call here,$(call DKMS,install --force))
	$(call here,dkms status muser | sed 's|^muser/||; s|[:$(comma)].*||' | sort -u | \
		grep -vxF $(VERSION) | xargs -rI OLD \
		sh -c 'dkms remove muser/OLD --all && rm -rf /usr/src/muser-OLD')

# udev knows the group when it reads the rule, or leaves it out.
install-rule:
	$(call here,getent group muser >/dev/null || groupadd --system muser)
	$(INSTALL) -m 644 kmod/60-muser.rules $(call dest,$(UDEVDIR)/rules.d/60-muser.rules)
	$(INSTALL) -m 644 kmod/uapi/linux/muser.h $(call dest,$(PREFIX)/include/linux/muser.h)
	$(call here,! [ -S /run/udev/control ] || { udevadm control --reload && \
		udevadm trigger --subsystem-match=muser; })

clean:
	rm -rf build

-include $(shell find $(B) -name '*.d' 2>/dev/null)
