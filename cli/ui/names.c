/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * names.c - names of regions and interrupts. See names.h.
 */
#include "ui/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/bus.h"

const char *name_of_region(uint32_t index)
{
	static char other[24];

	if (index < LM_DEV_NUM_REGS)
		return bus_region_names[index];
	snprintf(other, sizeof(other), "region%u", index);
	return other;
}

static bool is_word(char c)
{
	return ascii_is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '_';
}

bool name_to_region(const char *text, uint32_t *index, unsigned int *len)
{
	size_t word = 0;
	char *end;

	while (is_word(text[word]))
		word++;
	*len = (unsigned int)word;
	for (*index = 0; *index < LM_DEV_NUM_REGS; (*index)++) {
		if (strlen(bus_region_names[*index]) == word &&
		    !ascii_compare_n(text, bus_region_names[*index], word))
			return true;
	}
	if (word < 7 || word > 10 || ascii_compare_n(text, "region", 6))
		return false;
	*index = (uint32_t)strtoul(text + 6, &end, 10);
	return end == text + word;
}

const char *name_of_irq(uint32_t index)
{
	return index < LM_DEV_NUM_IRQS ? bus_irq_names[index] : "?";
}

bool name_to_irq(const char *text, uint32_t *index)
{
	for (*index = 0; *index < LM_DEV_NUM_IRQS; (*index)++) {
		if (!ascii_compare(text, bus_irq_names[*index]))
			return true;
	}
	return false;
}
