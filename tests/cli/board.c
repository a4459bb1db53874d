/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * board.c - a card with all that a card can have, for board.bats: BAR0 is memory that is mapped in
 * two parts and trapped between, with a doorbell, BAR2 is a sparse 64-bit one of 64 GiB, BAR4 is a
 * file of the device; a ROM; capabilities, extended ones too. "board client SOCKET" is its driver.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <muser.h>
#include <muser-client.h>

#define PAGE     4096u
#define BAR0     (16 * PAGE)
#define BAR2     (64ull << 30)
#define ROM_SIZE 65536u
#define MAPPED   (LM_REG_FLAG_RW | LM_REG_FLAG_MEM | LM_REG_FLAG_MMAP)

/* ---- the device -------------------------------------------------------------------- */

static uint32_t trapped;

/* What of BAR0 clients do not map: how often it was accessed. */
static ssize_t between(void *pvt, char *buf, size_t count, lm_off_t offset, bool is_write)
{
	trapped++;
	if (!is_write)
		memcpy(buf, &trapped, count < sizeof(trapped) ? count : sizeof(trapped));
	return (ssize_t)count;
}

static int start(void *pvt, lm_ctx_t *ctx)
{
	char *rom = lm_mmap(ctx, LM_ROM_REG_IDX, 0, ROM_SIZE);

	if (!rom)
		return -errno;
	memcpy(rom, "\x55\xaa", 2);
	return 0;
}

static const lm_mmap_area_t areas[] = { { 0, PAGE }, { 4 * PAGE, 2 * PAGE } };

static const uint8_t vendor[] = { 0, 'm', 'u', 's', 'e', 'r' };

static const uint8_t slots[] = { 3, 7 };

static const lm_vpd_field_t vpd_fields[] = {
	{ .keyword = "PN", .value = "MU-1" },
	{ .keyword = "SN", .value = "000042" },
	{ .keyword = "V1", .value = "asset", .room = 8 },
};

static const lm_vpd_t vpd = {
	.name = "muser board", .fields = vpd_fields, .nr_fields = LM_NR(vpd_fields),
};

static const lm_cap_t caps[] = {
	{ .id = PCI_CAP_ID_PM, .pm = { .soft_reset = true } },
	{ .id = PCI_CAP_ID_EXP, .exp = { .type = PCI_EXP_TYPE_ENDPOINT, .flr = true,
					 .link_speed = PCI_EXP_LNKCAP_SLS_16_0GB,
					 .link_width = 8 } },
	{ .id = PCI_CAP_ID_MSIX, .msix = { .bar = 0, .table = 8 * PAGE, .pba = 9 * PAGE } },
	{ .id = PCI_CAP_ID_VNDR, .size = 2 + sizeof(vendor), .data = vendor },
	{ .id = PCI_CAP_ID_VPD, .vpd = &vpd },
	{ .id = PCI_CAP_ID_SLOTID, .size = 4, .data = slots },
};

/* A mailbox that turns bytes over. */
static ssize_t exchange(void *pvt, const lm_doe_request_t *request, void *answer, size_t room)
{
	size_t i;

	for (i = 0; i < request->len && i < room; i++)
		((char *)answer)[i] = (char)~((const char *)request->data)[i];
	return (ssize_t)i;
}

static const lm_doe_type_t doe_types[] = { { .vendor = 0x1234, .type = 1 } };

static const lm_doe_t doe = {
	.types = doe_types,
	.nr_types = LM_NR(doe_types),
	.flags = LM_DOE_IRQ,
	.vector = 2,
	.request = exchange,
};

static const lm_ext_cap_t ext_caps[] = {
	{ .id = PCI_EXT_CAP_ID_DSN, .dsn = 0x1122334455667788 },
	{ .id = PCI_EXT_CAP_ID_ERR },
	{ .id = PCI_EXT_CAP_ID_VNDR, .size = 16 },
	{ .id = PCI_EXT_CAP_ID_REBAR, .rebar = 1 << LM_BAR2_REG_IDX },
	{ .id = PCI_EXT_CAP_ID_DOE, .doe = &doe },
	/* As data: the registers are in <linux/pci_regs.h>. */
	{ .id = PCI_EXT_CAP_ID_ARI, .size = 8 },
	{ .id = PCI_EXT_CAP_ID_ATS, .size = 8, .data = (const uint16_t[]){ 0x60, 0 },
	  .wmask = (const uint16_t[]){ 0, 0x801f } },
	{ .id = PCI_EXT_CAP_ID_PRI, .size = 16, .data = (const uint32_t[]){ 1u << 24, 32, 0 },
	  .wmask = (const uint32_t[]){ 1, 0, 0xff } },
	{ .id = PCI_EXT_CAP_ID_PASID, .size = 8, .data = (const uint16_t[]){ 0x1400, 0 },
	  .wmask = (const uint16_t[]){ 0, 1 } },
	{ .id = PCI_EXT_CAP_ID_SRIOV, .size = 64,
	  .data = (const uint16_t[30]){ [4] = 4, [5] = 4, [8] = 1, [9] = 1, [11] = 0x6265 } },
};

static int serve(int argc, char **argv)
{
	const int file = memfd_create("bar4", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	const lm_dev_info_t info = {
		.type = "board",
		.start = start,
		LM_CAPS(caps),
		LM_EXT_CAPS(ext_caps),
		.pci_info = {
			.id = { .vid = 0x1234, .did = 0x6264 },
			.irq_count[LM_DEV_MSIX_IRQ_IDX] = 64,
			.reg_info = {
				[LM_BAR0_REG_IDX] = {
					.flags = MAPPED, .size = BAR0, .fn = between,
					.mmap_areas = areas, .nr_mmap_areas = LM_NR(areas),
				},
				[LM_BAR2_REG_IDX] = {
					.flags = MAPPED | LM_REG_FLAG_64BIT | LM_REG_FLAG_PREFETCH,
					.size = BAR2,
				},
				[LM_BAR4_REG_IDX] = {
					.flags = MAPPED | LM_REG_FLAG_FD, .size = PAGE,
					.fd = file, .fd_offset = PAGE,
				},
				[LM_ROM_REG_IDX] = { .flags = LM_REG_FLAG_READ, .size = ROM_SIZE },
			},
		},
	};

	if (file < 0 || ftruncate(file, 2 * PAGE) || fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK) ||
	    pwrite(file, "file", 4, PAGE) != 4)
		return 1;
	return lm_main(argc, argv, &info);
}

/* ---- its driver --------------------------------------------------------------------- */

static char *map_area(lm_client_t *client, uint32_t index, uint32_t nr)
{
	lm_client_region_t region;
	lm_client_area_t area;
	char *at = NULL;

	if (lm_client_region_info(client, index, &region))
		return NULL;
	if (!lm_client_region_area(&region, nr, &area))
		at = mmap(NULL, area.size, PROT_READ | PROT_WRITE, MAP_SHARED, area.fd,
			  (off_t)area.fd_offset);
	lm_client_region_free(&region);
	return at == MAP_FAILED ? NULL : at;
}

static int drive(const char *path)
{
	lm_client_t *client;
	char *second, *big, *file, back[4] = "";
	uint32_t count = 0;

	if (lm_client_connect(path, NULL, &client))
		return 1;
	second = map_area(client, 0, 1);
	big = map_area(client, 2, 0);
	file = map_area(client, 4, 0);
	if (!second || !big || !file)
		return 1;
	memcpy(second + PAGE, "area", 4);
	memcpy(big + BAR2 - 4, "far", 4);
	if (lm_client_region_read(client, 0, 5 * PAGE, back, 4) || memcmp(back, "area", 4))
		return 2;
	if (lm_client_region_read(client, 2, BAR2 - 4, back, 4) || memcmp(back, "far", 4))
		return 3;
	if (memcmp(file, "file", 4))
		return 4;
	if (lm_client_region_read(client, 0, PAGE, &count, 4))
		return 5;
	printf("trapped %u\n", count);
	lm_client_close(client);
	return 0;
}

int main(int argc, char **argv)
{
	return argc == 3 && !strcmp(argv[1], "client") ? drive(argv[2]) : serve(argc, argv);
}
