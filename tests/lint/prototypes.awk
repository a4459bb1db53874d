# SPDX-License-Identifier: BSD-3-Clause
#
# Reads public headers: prints the name of every function declared there, and below it
# "file:line: what its kernel-doc comment lacks".

function complain(what) { printf "%s:%d: %s(): %s\n", FILENAME, start, name, what }

function check_parameters(text,    i, n, list, p)
{
	sub(/^[^(]*\(/, "", text)
	sub(/\)[^)]*(__attribute__.*)?;.*$/, "", text)
	while (match(text, /\(\*[a-z_]+\)\([^()]*\)/)) {  # a callback is its name
		p = substr(text, RSTART + 2, RLENGTH)
		sub(/\).*/, "", p)
		text = substr(text, 1, RSTART - 1) p substr(text, RSTART + RLENGTH)
	}
	n = split(text, list, ",")
	for (i = 1; i <= n; i++) {
		p = list[i]
		gsub(/\[[^]]*\]/, "", p)
		gsub(/[ \t]+$/, "", p)
		sub(/.*[ *]/, "", p)
		if (p != "void" && p != "..." && p != "" && doc !~ "@" p "[:,]")
			complain("@" p " is not described")
	}
}

function check(text,    returns_nothing)
{
	name = text
	sub(/\(.*/, "", name)
	returns_nothing = name ~ /^void [a-z_]+$/
	sub(/.*[ *]/, "", name)
	print name
	if (doc !~ "/\\*\\*\n \\* " name "\\(\\) - ") {
		complain("no kernel-doc comment of that name above")
		return
	}
	check_parameters(text)
	if (doc !~ /\n \* Context: /) complain("no Context:")
	if (!returns_nothing && doc !~ /\n \* Return: /) complain("no Return:")
	if (doc !~ /\n \* Since: /) complain("no Since:")
}

FNR == 1                   { doc = ""; text = ""; comment = 0 }
/^\/\*\*/                  { doc = ""; comment = 1 }
comment                    { doc = doc $0 "\n"; if (/\*\//) comment = 0; next }
/^(#|typedef|struct|enum|extern|static|union|[ \t]*$|\/\*|})/ && !text { next }
/^[a-z].*\(/ && !text      { start = FNR; text = $0 }
text && FNR != start       { text = text " " $0 }
text && /;/                { check(text); text = ""; doc = "" }
