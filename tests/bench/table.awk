# SPDX-License-Identifier: BSD-3-Clause
#
# table.awk - how results are printed; for the awk programs of bench.sh and kmod.sh, which read
# lines "NAME VALUE UNIT" and print rows: what, measured, target, verdict.

{ value[$1] = $2 }

function ratio(a, b) { return (a in value && b in value && value[b]) ? value[a] / value[b] : "" }
function get(name)   { return name in value ? value[name] : "" }
function difference(a, b) { return (a in value && b in value) ? value[a] - value[b] : "" }

# fails: does a miss fail? op: "<=" or ">="
function row(what, measured, format, op, target, fails,    text, verdict) {
	text = measured == "" ? "not measured" : sprintf(format, measured)
	if (measured != "" && op != "") {
		verdict = (op == "<=" ? measured + 0 <= target : measured + 0 >= target) ? \
			"ok" : fails ? "MISSED" : "over"
		missed += verdict == "MISSED"
	}
	printf "  %-52s %14s  %-8s %s\n", what, text, op == "" ? "" : op " " target, verdict
}
function title(text) { printf "\n%s\n", text }

# The last line, and the status.
function verdict_of_all() {
	printf "\n%s\n", missed ? missed " missed" : "no ratio missed"
	exit missed > 0
}
