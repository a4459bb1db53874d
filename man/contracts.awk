# SPDX-License-Identifier: BSD-3-Clause
#
# contracts.awk - a page with what the public headers say, as scdoc reads it. Two lines of a page are
# replaced: "@synopsis HEADER SECTION" by the prototypes of a section of lib/HEADER, and "@contracts
# HEADER SECTION" by all its comments, of types as well, and by constants. Without SECTION: those of
# all. "@conventions HEADER" is what the comment at the head of lib/HEADER says from the line on that
# ends in "otherwise:".
#
#	awk -f man/contracts.awk man/lm_irq.3.scd | scdoc
#	awk -v list=1 -f man/contracts.awk man/*.3.scd    # NAME PAGE, for each name that is documented

# ---- reading a header: doc[1..n], decl[], name[], is_type[] -------------------------------------

function keep(text, code)
{
	n++
	name[n] = ""
	doc[n] = text
	decl[n] = code
	is_type[n] = !text || text ~ /^(struct|union|typedef|enum) /
	if (!text)
		return
	name[n] = text
	sub(/^(struct|union|typedef|enum) /, "", name[n])
	sub(/[^a-z0-9_].*/, "", name[n])
	sub(/\n$/, "", code)
	if (match(code, /\n\} [a-z0-9_]+;$/)) # not what is inside
		name[n] = substr(code, RSTART + 3, RLENGTH - 4)
}

function is_complete(line)
{
	depth += gsub(/\{/, "{", line) - gsub(/\}/, "}", line)
	return code ~ /^#/ ? line !~ /\\$/ : !depth && line ~ /;/
}

function load(spec,    file, section, current, line, inside, text, plain, constants)
{
	file = spec
	sub(/ .*/, "", file)
	section = substr(spec, length(file) + 2)
	file = "lib/" file
	n = inside = 0
	text = plain = constants = ""
	while ((getline line < file) > 0) {
		if (line ~ /^\/\* ---- /) {
			current = line
			gsub(/^\/\* ---- | -+ \*\/$/, "", current)
		} else if (line ~ /^\/\*\*/) {
			inside = 1
			text = code = ""
			depth = 0
		}
		if (inside) {
			inside = line !~ /\*\/$/
			gsub(/^\/\*\* ?|^ \*\/$|^ \* ?| ?\*\/$/, "", line)
			text = text (text ? "\n" : "") line
		} else if (text) {
			code = code (code ? "\n" : "") line
			if (line == "")
				text = ""
			else if (is_complete(line)) {
				if (!section || section == current)
					keep(text, code)
				text = ""
			}
		} else if (constants && line == "") {
			if (!section || section == current)
				keep("", constants)
			constants = plain = ""
		} else if (constants || line ~ /^(#define LM_|enum )/) {
			constants = constants (constants ? "\n" : plain) line
		} else {
			plain = line ~ /^(\/\*| \*) / ? plain line "\n" : ""
		}
	}
	close(file)
	if (!n) {
		print FILENAME ":" FNR ": lib has nothing of " spec >"/dev/stderr"
		exit 1
	}
}

# ---- writing scdoc -----------------------------------------------------------------------------

# Parameters and functions in bold, nothing else is markup.
function marked(s,    out, word)
{
	gsub(/\\/, "\\\\", s)
	gsub(/[_*\[|#]/, "\\\\&", s)
	while (match(s, /@[a-z]([a-z0-9]|\\_)*|[a-z]([a-z0-9]|\\_)*\(\)/)) {
		word = substr(s, RSTART, RLENGTH)
		out = out substr(s, 1, RSTART - 1)
		if (word ~ /^@/)
			out = out "*" substr(word, 2) "*"
		else
			out = out "*" substr(word, 1, length(word) - 2) "*()"
		s = substr(s, RSTART + RLENGTH)
	}
	return out s
}

function flush()
{
	if (paragraph)
		print "\n" (indent ? term "\n\t" : "") marked(paragraph)
	paragraph = ""
	indent = 0
}

function item(head, text)
{
	flush()
	indent = 1
	term = head
	sub(/^ +/, "", text)
	paragraph = text
}

function literal(code)
{
	gsub(/\\/, "\\\\", code)
	print "\n```\n" code "\n```"
}

function contract(i,    lines, count, j, line, at)
{
	if (!name[i]) {
		literal(decl[i])
		return
	}
	print "\n## " name[i] (is_type[i] ? "" : "()")
	count = split(doc[i], lines, "\n")
	paragraph = lines[1]
	sub(/^[^-]* - /, "", paragraph)
	if (paragraph !~ /^[a-z0-9_]*[_.(]/) # an identifier stays as it is
		paragraph = toupper(substr(paragraph, 1, 1)) substr(paragraph, 2)
	if (count == 1 || lines[2] == "" || lines[2] ~ /^@/)
		paragraph = paragraph (paragraph ~ /[.?]$/ ? "" : ".")
	for (j = 2; j <= count; j++) {
		line = lines[j]
		at = index(line, ":")
		if (line == "")
			flush()
		else if (line ~ /^@[^:]*:/)
			item(marked(substr(line, 1, at - 1)), substr(line, at + 1))
		else if (line ~ /^(Context|Return|Source|Since):/)
			item("*" substr(line, 1, at - 1) "*", substr(line, at + 1))
		else {
			sub(/^ +/, "", line)
			if (indent && lines[j] !~ /^ /)
				flush()
			paragraph = paragraph (paragraph ? " " : "") line
		}
	}
	flush()
	if (is_type[i])
		literal(decl[i])
}

function synopsis(    i, code)
{
	for (i = 1; i <= n; i++) {
		if (!is_type[i])
			code = code (code ? "\n" : "") decl[i]
	}
	literal(code)
}

# The list at the head of a header: an item begins with a dash.
function conventions(header,    line, inside, text)
{
	while ((getline line < ("lib/" header)) > 0 && line != " */") {
		if (!inside) {
			inside = line ~ /otherwise:$/
			continue
		}
		if (line ~ /^ \*  - / && text)
			print "- " marked(text)
		text = line ~ /^ \*  - / ? "" : text " "
		sub(/^ \* +(- )?/, "", line)
		text = text line
	}
	close("lib/" header)
	print "- " marked(text)
}

# ---- pages -------------------------------------------------------------------------------------

/^@(synopsis|contracts) / {
	load(substr($0, index($0, " ") + 1))
	page = FILENAME
	gsub(/.*\/|\.3\.scd$/, "", page)
	for (i = 1; list && i <= n && /^@contracts/; i++)
		if (name[i])
			print name[i], page
	for (i = 1; !list && i <= n && /^@contracts/; i++)
		contract(i)
	if (!list && /^@synopsis/)
		synopsis()
	next
}
/^@conventions / {
	if (!list)
		conventions(substr($0, index($0, " ") + 1))
	next
}
!list
