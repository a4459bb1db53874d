/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_nvm.c - the NVM command set, on the blocks of a namespace's backend.
 *
 * Owns the table of its commands and what Identify says of such a namespace. Without metadata: what
 * protection information would say is not looked at. Left out: Write Uncorrectable, Copy, fused
 * commands, streams, limits for Dataset Management.
 */
#include <inttypes.h>
#include <stdio.h>

#include "nvme/nvme.h"

/* NVM 3.2.4, 3.2.6, 3.2.8: dword 12, dword 11 of Dataset Management */
#define NLB(dw12)          (((dw12)&0xffff) + 1u)
#define DEAC               (1u << 25)
#define FUA                (1u << 30)
#define DTYPE(dw12)        ((dw12) >> 20 & 15)
#define AD                 (1u << 2)
#define COMPARED_AT_A_TIME (64u << 10)

static uint64_t slba(const lm_nvme_cmd_t *cmd)
{
	return cmd->dw[10] | (uint64_t)cmd->dw[11] << 32;
}

static uint16_t range_check(lm_nvme_cmd_t *cmd, uint64_t first, uint64_t nr)
{
	const struct nvme_ns *ns = nvme_cmd_of(cmd)->ns;

	cmd->error_at = LM_NVME_DW(10);
	return first > ns->blocks || nr > ns->blocks - first ? LM_NVME_LBA_OUT_OF_RANGE :
							       LM_NVME_SUCCESS;
}

/* Commands over blocks, without and with data. */
static uint16_t blocks_check(lm_nvme_cmd_t *cmd)
{
	return range_check(cmd, slba(cmd), NLB(cmd->dw[12]));
}

static uint16_t transfer_check(lm_nvme_cmd_t *cmd)
{
	cmd->error_at = LM_NVME_DW(12);
	cmd->length = (uint64_t)NLB(cmd->dw[12]) << cmd->block_shift;
	if (cmd->length > cmd->nvme->max_transfer)
		return LM_NVME_INVALID_FIELD;
	return blocks_check(cmd);
}

static uint16_t write_check(lm_nvme_cmd_t *cmd)
{
	cmd->error_at = LM_NVME_DW_BIT(12, 20);
	return DTYPE(cmd->dw[12]) ? LM_NVME_INVALID_FIELD : transfer_check(cmd);
}

/* Not more than it would be with data: CNS 06h says so. */
static uint16_t verify_check(lm_nvme_cmd_t *cmd)
{
	const uint16_t status = transfer_check(cmd);

	cmd->length = 0;
	return status;
}

static uint16_t dsm_check(lm_nvme_cmd_t *cmd)
{
	cmd->length = 16 * ((cmd->dw[10] & 0xff) + 1ull);
	return LM_NVME_SUCCESS;
}

/* ---- running ---------------------------------------------------------------------- */

static void io_is(struct nvme_cmd *cmd)
{
	const lm_nvme_cmd_t *pub = &cmd->pub;

	cmd->io = (lm_nvme_io_t){
		.offset = slba(pub) << pub->block_shift,
		.length = (uint64_t)NLB(pub->dw[12]) << pub->block_shift,
		.iov = pub->iov,
		.nr_iov = pub->nr_iov,
		.flags = pub->dw[12] & FUA ? LM_NVME_IO_FUA : 0,
	};
	/* Base 5.27.1.4: the guest has turned the volatile write cache off. */
	if (!(pub->nvme->st->feature[NVME_F_WRITE_CACHE] & 1))
		cmd->io.flags |= LM_NVME_IO_FUA;
}

static void io_ends(struct nvme_cmd *cmd, int result)
{
	nvme_cmd_end(cmd, nvme_io_status(cmd, result));
}

static void read_ends(struct nvme_cmd *cmd, int result)
{
	cmd->pub.nvme->st->reads++;
	cmd->pub.nvme->st->bytes_read += cmd->io.length;
	io_ends(cmd, result);
}

static void write_ends(struct nvme_cmd *cmd, int result)
{
	cmd->pub.nvme->st->writes++;
	cmd->pub.nvme->st->bytes_written += cmd->io.length;
	io_ends(cmd, result);
}

static void nvm_read(lm_nvme_cmd_t *pub)
{
	struct nvme_cmd *cmd = nvme_cmd_of(pub);

	io_is(cmd);
	nvme_io_start(cmd, cmd->ns->info.block->read, read_ends);
}

static void nvm_write(lm_nvme_cmd_t *pub)
{
	struct nvme_cmd *cmd = nvme_cmd_of(pub);

	io_is(cmd);
	nvme_io_start(cmd, cmd->ns->info.block->write, write_ends);
}

static void nvm_flush(lm_nvme_cmd_t *pub)
{
	struct nvme_cmd *cmd = nvme_cmd_of(pub);

	cmd->io = (lm_nvme_io_t){ 0 };
	if (cmd->ns->info.block->flush)
		nvme_io_start(cmd, cmd->ns->info.block->flush, io_ends);
	else
		nvme_cmd_end(cmd, LM_NVME_SUCCESS);
}

static void nvm_write_zeroes(lm_nvme_cmd_t *pub)
{
	struct nvme_cmd *cmd = nvme_cmd_of(pub);

	io_is(cmd);
	nvme_io_zero(cmd, pub->dw[12] & DEAC, io_ends);
}

/* ---- Compare, Verify -------------------------------------------------------------- */

/* Whether @len bytes at @at of the guest's data are those of @with. */
static bool data_is(const lm_nvme_cmd_t *cmd, uint64_t at, const char *with, uint64_t len)
{
	const struct iovec *iov = cmd->iov;

	for (; len; iov++) {
		uint64_t part = iov->iov_len;

		if (at >= part) {
			at -= part;
			continue;
		}
		part = part - at < len ? part - at : len;
		if (memcmp((char *)iov->iov_base + at, with, part))
			return false;
		with += part;
		len -= part;
		at = 0;
	}
	return true;
}

static bool compare_more(struct nvme_cmd *cmd)
{
	const uint64_t begin = slba(&cmd->pub) << cmd->pub.block_shift;
	const char *read = (char *)cmd->aux + sizeof(struct iovec);

	if (cmd->pub.opcode == NVME_COMPARE &&
	    !data_is(&cmd->pub, cmd->io.offset - begin, read, cmd->io.length))
		cmd->io_result = -EILSEQ;
	return cmd->io_rest && !cmd->io_result;
}

static void compare_step(struct nvme_cmd *cmd)
{
	struct iovec *iov = cmd->aux;
	const uint64_t rest = cmd->io_rest;

	cmd->io.offset += cmd->io.length;
	cmd->io.length = rest < COMPARED_AT_A_TIME ? rest : COMPARED_AT_A_TIME;
	cmd->io_rest -= cmd->io.length;
	*iov = (struct iovec){ iov + 1, cmd->io.length };
	cmd->io.iov = iov;
	cmd->io.nr_iov = 1;
	nvme_io_step(cmd, cmd->ns->info.block->read);
}

static void compare_ends(struct nvme_cmd *cmd, int result)
{
	nvme_cmd_end(cmd,
		     result == -EILSEQ ? LM_NVME_COMPARE_FAILURE : nvme_io_status(cmd, result));
}

static void nvm_compare(lm_nvme_cmd_t *pub)
{
	struct nvme_cmd *cmd = nvme_cmd_of(pub);

	io_is(cmd);
	cmd->io_rest = cmd->io.length;
	cmd->pub.nvme->st->reads++;
	cmd->pub.nvme->st->bytes_read += cmd->io.length;
	cmd->io.length = 0;
	cmd->io_more = compare_more;
	cmd->io_step = compare_step;
	cmd->io_end = compare_ends;
	cmd->io_result = 0;
	if (nvme_cmd_aux(cmd, sizeof(struct iovec) + COMPARED_AT_A_TIME))
		nvme_io_loop(cmd);
	else
		nvme_cmd_end(cmd, LM_NVME_INTERNAL_ERROR);
}

/* ---- Dataset Management ----------------------------------------------------------- */

struct extent {
	uint64_t first, nr;
};

static bool discard_more(struct nvme_cmd *cmd)
{
	return cmd->io_rest;
}

static void discard_step(struct nvme_cmd *cmd)
{
	const struct extent *e = (struct extent *)cmd->aux + --cmd->io_rest;

	cmd->io.offset = e->first << cmd->pub.block_shift;
	cmd->io.length = e->nr << cmd->pub.block_shift;
	if (e->nr)
		nvme_io_step(cmd, cmd->ns->info.block->discard);
	else
		cmd->io_is_back = true;
}

/* The guest's list, once: what was checked is what is done. */
static uint16_t extents_take(struct nvme_cmd *cmd)
{
	const uint64_t nr = cmd->pub.length / 16;
	struct extent *extent = nvme_cmd_aux(cmd, nr * (sizeof(*extent) + 16));
	uint16_t status = LM_NVME_SUCCESS;
	uint8_t *bytes;
	uint64_t i, at = 0;

	if (!extent)
		return LM_NVME_INTERNAL_ERROR;
	bytes = (uint8_t *)(extent + nr);
	for (i = 0; i < cmd->pub.nr_iov; i++) {
		memcpy(bytes + at, cmd->pub.iov[i].iov_base, cmd->pub.iov[i].iov_len);
		at += cmd->pub.iov[i].iov_len;
	}
	for (i = 0; i < nr && !status; i++) {
		extent[i].nr = nvme_get32(bytes + 16 * i + 4);
		extent[i].first = nvme_get64(bytes + 16 * i + 8);
		if (extent[i].nr)
			status = range_check(&cmd->pub, extent[i].first, extent[i].nr);
	}
	cmd->io_rest = nr;
	return status;
}

static void nvm_dsm(lm_nvme_cmd_t *pub)
{
	struct nvme_cmd *cmd = nvme_cmd_of(pub);
	const uint16_t status = extents_take(cmd);

	cmd->io = (lm_nvme_io_t){ 0 };
	if (status || !(pub->dw[11] & AD) || !cmd->ns->info.block->discard) {
		nvme_cmd_end(cmd, status);
		return;
	}
	cmd->io_more = discard_more;
	cmd->io_step = discard_step;
	cmd->io_end = io_ends;
	cmd->io_result = 0;
	nvme_io_loop(cmd);
}

/* ---- the table -------------------------------------------------------------------- */

static void blocks_print(const lm_nvme_cmd_t *cmd, char *buf, size_t size)
{
	snprintf(buf, size, "slba=%" PRIu64 " nlb=%u%s%s", slba(cmd), NLB(cmd->dw[12]),
		 cmd->dw[12] & FUA ? " fua" : "",
		 cmd->opcode == NVME_WRITE_ZEROES && cmd->dw[12] & DEAC ? " deallocate" : "");
}

static void dsm_print(const lm_nvme_cmd_t *cmd, char *buf, size_t size)
{
	snprintf(buf, size, "ranges=%u%s", (cmd->dw[10] & 0xff) + 1,
		 cmd->dw[11] & AD ? " deallocate" : "");
}

static const lm_nvme_op_t ops[] = {
	{ .opcode = NVME_FLUSH, .name = "Flush", .flags = LM_NVME_OP_NS, .run = nvm_flush },
	{ .opcode = NVME_WRITE,
	  .name = "Write",
	  .flags = LM_NVME_OP_NS | LM_NVME_OP_WRITES,
	  .effects = LM_NVME_EFFECT_LBCC,
	  .check = write_check,
	  .run = nvm_write,
	  .print = blocks_print },
	{ .opcode = NVME_READ,
	  .name = "Read",
	  .flags = LM_NVME_OP_NS,
	  .check = transfer_check,
	  .run = nvm_read,
	  .print = blocks_print },
	{ .opcode = NVME_COMPARE,
	  .name = "Compare",
	  .flags = LM_NVME_OP_NS,
	  .check = transfer_check,
	  .run = nvm_compare,
	  .print = blocks_print },
	{ .opcode = NVME_WRITE_ZEROES,
	  .name = "Write Zeroes",
	  .flags = LM_NVME_OP_NS | LM_NVME_OP_WRITES,
	  .effects = LM_NVME_EFFECT_LBCC,
	  .check = blocks_check,
	  .run = nvm_write_zeroes,
	  .print = blocks_print },
	{ .opcode = NVME_DSM,
	  .name = "Dataset Management",
	  .flags = LM_NVME_OP_NS | LM_NVME_OP_WRITES,
	  .effects = LM_NVME_EFFECT_LBCC,
	  .check = dsm_check,
	  .run = nvm_dsm,
	  .print = dsm_print },
	{ .opcode = NVME_VERIFY,
	  .name = "Verify",
	  .flags = LM_NVME_OP_NS,
	  .check = verify_check,
	  .run = nvm_compare,
	  .print = blocks_print },
};

NVME_EXPORT const lm_nvme_set_t lm_nvme_nvm = { .name = "NVM", LM_NVME_OPS(ops) };

/* NVM 4.1.5.1, figure 97. Two formats, without metadata. */
void nvme_nvm_identify(const lm_nvme_t *nvme, const struct nvme_ns *ns, uint8_t *page)
{
	const bool is_read_only = ns->info.flags & LM_NVME_NS_READ_ONLY;

	nvme_put64(page, ns->blocks);
	nvme_put64(page + 8, ns->blocks);
	nvme_put64(page + 16, ns->blocks);
	page[25] = 1;                               /* NLBAF: two */
	page[26] = ns->block_shift == 12;           /* FLBAS */
	page[33] = ns->info.block->discard ? 9 : 0; /* DLFEAT: zeroes, also by Write Zeroes */
	nvme_put64(page + 48, ns->blocks << ns->block_shift); /* NVMCAP */
	page[99] = is_read_only;                              /* NSATTR */
	nvme_ns_ids(nvme, ns, page + 104, page + 120);
	page[128 + 2] = 9; /* LBAF0: LBADS */
	page[132 + 2] = 12;
}
