# SPDX-License-Identifier: BSD-3-Clause
# What nvme_oracle -d has printed (second file), against the differences that have a reason
# (nvme_oracle.txt, first): prints what has none, and reasons that nothing needs.

/^#/ || /^$/ || /^[0-9]+ commands$/ { next }
{ ours = $1; theirs = $2; command = substr($0, length($1) + length($2) + 3) }
FNR == NR {
	mine[++n] = ours
	other[n] = "^" theirs "$"
	commands[n] = "^(" command ")$"
	next
}
{
	for (i = 1; i <= n; i++) {
		if (ours == mine[i] && theirs ~ other[i] && command ~ commands[i]) {
			used[i] = 1
			next
		}
	}
	print "no reason: " $0
}
END {
	for (i = 1; i <= n; i++) {
		if (!used[i])
			print "no command: " mine[i] " " other[i] " " commands[i]
	}
}
