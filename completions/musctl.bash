# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# bash completion for musctl. What there is to complete, musctl itself knows.

_musctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} lines word
	mapfile -t lines < <(musctl _complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
	[[ $cur == "=" ]] && cur=
	case ${lines[0]-} in
	:files)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	:commands)
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		;;
	*)
		# not by compgen -W, which would expand what devices call things
		COMPREPLY=()
		for word in "${lines[@]%%$'\t'*}"; do
			[[ $word == "$cur"* ]] && COMPREPLY+=("$word")
		done
		[[ ${COMPREPLY[0]-} == *[=+] ]] && compopt -o nospace
		;;
	esac
	return 0
}

complete -F _musctl musctl
