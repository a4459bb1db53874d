# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# bash completion for musctl. What there is to complete, musctl itself knows.

# bash breaks words at = and : as well; here what has no blank in between is one word again.
_musctl_words()
{
	local rest=${COMP_LINE:0:COMP_POINT} blank word i
	words=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		blank=${rest%%[![:blank:]]*}
		rest=${rest#"$blank"}
		word=${COMP_WORDS[i]}
		((i < COMP_CWORD)) || word=$rest
		rest=${rest#"$word"}
		if [[ -n $blank || $i -eq 0 ]]; then
			words+=("$word")
		else
			words[-1]+=$word
		fi
	done
}

_musctl()
{
	local words cur kept='' breaks=${COMP_WORDBREAKS//[^=:]/} lines word
	_musctl_words
	cur=${words[-1]}
	mapfile -t lines < <(musctl _complete "${words[@]:1}" 2>/dev/null)
	# of the word bash replaces what is behind the last break only
	[[ -z $breaks ]] || kept=${cur%"${cur##*["$breaks"]}"}
	case ${lines[0]-} in
	:files)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "${cur#"$kept"}")
		;;
	:commands)
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		;;
	*)
		# not by compgen -W, which would expand what devices call things
		COMPREPLY=()
		for word in "${lines[@]%%$'\t'*}"; do
			[[ $word == "$cur"* ]] && COMPREPLY+=("${word#"$kept"}")
		done
		[[ ${COMPREPLY[0]-} == *[=+] ]] && compopt -o nospace
		;;
	esac
	return 0
}

complete -F _musctl musctl
