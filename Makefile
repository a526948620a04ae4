# SPDX-License-Identifier: Apache-2.0
# A thin front for Meson and the scripts; `make help` lists what it offers.

BUILD   ?= build
PREFIX  ?= /usr/local
MODE    ?= shadow
SECONDS ?= 30

bindir  = $(DESTDIR)$(PREFIX)/bin
unitdir = $(DESTDIR)$(PREFIX)/lib/systemd/system
confdir = $(DESTDIR)/etc/luytre
moduledir  = $(DESTDIR)/usr/lib/nginx/modules
gatemodule = $(BUILD)/src/gate/nginx/ngx_http_luytre_gate_module.so

.DEFAULT_GOAL = build
.PHONY: build run test test-web conformance conformance-gate sanitize-conformance bench bench-sensor bench-gate bench-hub scale check sanitize fuzz fresh install uninstall clean help

build: ## compile; leaves the program at build/luytre
	@scripts/install-deps build web
	@scripts/build $(BUILD)

run: ## the lab; IFACE=eth0 [TENANT=192.0.2.10,2001:db8::/64] [MODE=enforce] [RULES=DIR] protects an interface
	@test $$(id -u) -eq 0 || { echo "Packets are filtered in the kernel, which takes root: sudo make run"; exit 1; }
	@scripts/install-deps build run web
	@scripts/build $(BUILD)
ifdef IFACE
	@exec $(BUILD)/luytre run --detach --interface $(IFACE) $(if $(TENANT),--tenant $(TENANT)) $(if $(filter enforce,$(MODE)),--enforce) $(if $(RULES),--rules $(RULES))
else
	@exec $(BUILD)/lab/luytre-lab --luytre $(BUILD)/luytre $$(test -t 1 && echo --stay) $(LAB_ARGS)
endif

test: ## every test; without root those that need none
	@scripts/install-deps build run web
	@scripts/build $(BUILD)
	@scripts/run-tests $(BUILD) --no-suite conformance --no-suite redos

test-web: ## the console in Chromium on a real hub: every page, both languages, narrow and wide
	@scripts/install-deps build web browser
	@scripts/build $(BUILD)
	@tests/web/run.sh $(BUILD) $(WEB_ARGS) || [ $$? -eq 77 ] # 77: it said why it was skipped

conformance: ## the sensor on a conformance corpus (LUYTRE_CONFORMANCE=DIR); fails when a test that passed fails
	@scripts/install-deps build conformance
	@scripts/build $(BUILD) --only luytre
	@scripts/conformance $(BUILD) $(CONFORMANCE_ARGS)

conformance-gate: ## the gate on a conformance corpus (LUYTRE_CONFORMANCE_GATE=DIR), as an engine and inside nginx
	@scripts/install-deps build conformance
	@scripts/build $(BUILD)
	@scripts/conformance-gate $(BUILD) $(CONFORMANCE_ARGS)
	@scripts/run-tests $(BUILD) --suite conformance

sanitize-conformance: ## the same under the address and undefined behaviour sanitizers, with no report
	@scripts/install-deps build conformance
	@scripts/build $(BUILD)-sanitize --only luytre -Db_sanitize=address,undefined
	@scripts/conformance $(BUILD)-sanitize --sanitize $(CONFORMANCE_ARGS)

bench: ## measure against other tools on this machine; writes docs/benchmarks/shield.md
	@scripts/install-deps build run bench
	@scripts/build $(BUILD)
	@mkdir -p docs/benchmarks
	@$(BUILD)/tests/bench/luytre-bench --output docs/benchmarks/shield.md $(BENCH_ARGS)
	@chown --reference=. docs/benchmarks docs/benchmarks/shield.md

bench-sensor: ## measure the sensor on traffic made here; writes docs/benchmarks/sensor.md
	@scripts/install-deps build run bench
	@scripts/build $(BUILD)
	@mkdir -p docs/benchmarks
	@$(BUILD)/tests/bench/sensor/luytre-bench-sensor --output docs/benchmarks/sensor.md $(BENCH_ARGS)
	@chown --reference=. docs/benchmarks docs/benchmarks/sensor.md

bench-gate: ## measure the gate against libmodsecurity, alone and in nginx; writes docs/benchmarks/gate.md
	@scripts/install-deps build run bench
	@scripts/build $(BUILD)
	@mkdir -p docs/benchmarks
	@$(BUILD)/tests/bench/gate/luytre-bench-gate --output docs/benchmarks/gate.md $(BENCH_ARGS)
	@chown --reference=. docs/benchmarks docs/benchmarks/gate.md

bench-hub: ## measure the hub with a thousand edges, a nation's tenants, kills and lies; writes docs/benchmarks/hub.md
	@scripts/install-deps build
	@scripts/build $(BUILD)
	@mkdir -p docs/benchmarks
	@$(BUILD)/tests/bench/hub/luytre-bench-hub --luytre $(BUILD)/luytre --output docs/benchmarks/hub.md $(BENCH_ARGS)
	@chown --reference=. docs/benchmarks docs/benchmarks/hub.md

scale: ## two hubs, three of NATS, two of ClickHouse, PostgreSQL, nginx: killed one by one under load; writes docs/benchmarks/scale.md
	@scripts/install-deps build scale
	@scripts/build $(BUILD)
	@mkdir -p docs/benchmarks
	@tests/scale/scale.py $(BUILD) --output docs/benchmarks/scale.md $(SCALE_ARGS) || [ $$? -eq 77 ] # 77: it said why it was skipped

check: ## formatting, clang-tidy and cppcheck, all kept at zero
	@scripts/install-deps build check
	@scripts/build $(BUILD)
	@scripts/check $(BUILD)

sanitize: ## unit tests and saved fuzz inputs with the address and undefined behaviour sanitizers; CC=clang looks further
	@scripts/install-deps build fuzz
	@scripts/build $(BUILD)-sanitize -Db_sanitize=address,undefined -Db_lundef=false
	@UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 scripts/run-tests $(BUILD)-sanitize --suite unit --suite corpus --timeout-multiplier 5

fuzz: ## each fuzz target for SECONDS=30
	@scripts/install-deps build fuzz
	@CC=clang scripts/build $(BUILD)-fuzz --only libfuzz- -Dfuzz=true
	@scripts/fuzz-corpus $(BUILD)-fuzz $(SECONDS)

fresh: ## prove `make test` and `make run` in an empty Debian: RELEASE=bookworm
	@scripts/install-deps fresh
	@scripts/fresh $(if $(RELEASE),--release $(RELEASE))

install: ## DESTDIR= PREFIX=/usr/local; an existing configuration is left alone
	@test -x $(BUILD)/luytre || scripts/build $(BUILD)
	install -D -m 755 $(BUILD)/luytre $(bindir)/luytre
	install -d $(unitdir)
	for unit in luytre luytre-sensor luytre-hub; do \
		sed 's|/usr/bin/luytre|$(PREFIX)/bin/luytre|' packaging/systemd/$$unit.service > $(unitdir)/$$unit.service; \
	done
	install -d $(confdir)
	if [ -f $(gatemodule) ]; then \
		install -D -m 644 $(gatemodule) $(moduledir)/$(notdir $(gatemodule)); \
		install -d $(confdir)/gate/holds; \
		install -m 644 rules/gate/holds.conf rules/gate/vietnamese-exclusions.conf $(confdir)/gate/holds; \
		install -D -m 644 rules/gate/samples/holds.jsonl $(confdir)/gate/samples/holds.jsonl; \
		test -e $(confdir)/gate/settings.conf || install -m 644 packaging/nginx/settings.conf $(confdir)/gate/settings.conf; \
	fi
	install -d $(confdir)/sensor/holds
	install -m 644 rules/sensor/holds.rules $(confdir)/sensor/holds
	install -D -m 644 rules/sensor/samples/holds.jsonl $(confdir)/sensor/holds/samples/holds.jsonl
	install -m 644 rules/shield/bogons.txt $(confdir)/bogons.txt
	test -e $(confdir)/luytre.yaml || install -m 644 packaging/luytre.yaml $(confdir)/luytre.yaml

uninstall: ## remove what install put there; the configuration stays
	rm -f $(bindir)/luytre $(unitdir)/luytre.service $(unitdir)/luytre-sensor.service $(unitdir)/luytre-hub.service $(moduledir)/$(notdir $(gatemodule))

clean: ## remove every build directory
	rm -rf build build-*

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 22
