# SPDX-License-Identifier: BSD-3-Clause
#
# Lists the functions of kernel-style C: file, line, length, parameters, nesting, cases, name.
# A function ends at a closing brace in column 0; its length counts from the first line of the
# signature. Nesting is the depth of the deepest control statement, told by its tabs.

function count_parameters(text,    i, c, depth, commas)
{
	sub(/^[^(]*\(/, "", text)
	if (text ~ /^(void)?\)/)
		return 0
	for (i = 1; i <= length(text); i++) {
		c = substr(text, i, 1)
		if (c == "(")
			depth++
		else if (c == ")" && depth-- == 0)
			break
		else if (c == "," && depth == 0 && substr(text, i) !~ /^,[ \t]*\.\.\./)
			commas++
	}
	return commas + 1
}

function function_name(text)
{
	sub(/\(.*/, "", text)
	sub(/.*[ *]/, "", text)
	return text
}

FNR == 1 { inside = 0; start = 0; signature = "" }

inside && /^\t+(} )?(if|for|while|do|switch|else)\>?[ ({]/ {
	match($0, /^\t+/)
	if (RLENGTH > nesting)
		nesting = RLENGTH
}
inside && /^\t+(case |default:)/ { cases++ }
inside && /^}/ {
	print FILENAME, start, FNR - start + 1, count_parameters(signature), nesting, cases + 0,
	      function_name(signature)
	inside = 0; start = 0; signature = ""
	next
}
inside { next }

/^{/ && signature ~ /\(/ { inside = 1; nesting = 0; cases = 0; next }
/^[A-Za-z_]/             { start = FNR; signature = $0; next }
/^[ \t]/ && start        { signature = signature " " $0; next }
                         { start = 0; signature = "" }
