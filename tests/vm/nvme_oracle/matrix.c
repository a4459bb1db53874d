/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * matrix.c - two NVMe controllers get the same commands: nvme_oracle [-d] PCI-ADDRESS PCI-ADDRESS
 *
 * Prints "STATUS STATUS COMMAND" a line, for all commands or those whose status differs (-d): type
 * and code in hexadecimal, "pending" for a request that waits, "none" where nothing came back. Both
 * have one namespace of 64 MiB and blocks of 512 bytes. What changes a namespace for good is not
 * among the commands; what changes a controller is undone by a reset behind each group.
 */
#include "driver.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NR(array) (sizeof(array) / sizeof((array)[0]))
#define EACH(i, array) for ((i) = 0; (i) < NR(array); (i)++)

enum { BLOCKS = (64 << 20) / 512 };
enum { FLUSH = 0, WRITE = 1, READ = 2, UNCORRECTABLE = 4, COMPARE = 5, ZEROES = 8, DSM = 9,
       VERIFY = 0x0c, COPY = 0x19 };
enum { DELETE_SQ = 0, CREATE_SQ = 1, LOG = 2, DELETE_CQ = 4, CREATE_CQ = 5, IDENTIFY = 6,
       ABORT = 8, SET = 9, GET = 0x0a, AER = 0x0c, NS_MANAGE = 0x0d, NS_ATTACH = 0x15,
       SHADOW_DOORBELLS = 0x7c, FORMAT = 0x80, FDP_EVENTS = 0x1e };

/* There; allowed and not there; the last that is allowed, the first that is not. */
static const uint32_t nsids[] = { 0, 1, 2, 256, 257, 0xfffffffe, 0xffffffff };

static struct controller controllers[2];
static uint8_t payload[4096]; /* what is in the first page of the data */
static bool only_differences;
static unsigned int nr;

static void status_print(uint32_t status)
{
	if (status < STATUS_PENDING)
		printf("%03x ", status);
	else
		printf(status == STATUS_PENDING ? "pending " : "none ");
}

__attribute__((format(printf, 2, 0)))
static void report(const uint32_t status[2], const char *format, va_list args)
{
	nr++;
	if (only_differences && status[0] == status[1])
		return;
	status_print(status[0]);
	status_print(status[1]);
	vprintf(format, args);
	putchar('\n');
}

static struct command with_data(struct command command)
{
	if (!command.prp1 && !command.prp2) {
		command.prp1 = data_at;
		command.prp2 = prp_list_at;
	}
	return command;
}

__attribute__((format(printf, 3, 4)))
static void both(unsigned int queue, struct command command, const char *format, ...)
{
	uint32_t status[2];
	unsigned int i;
	va_list args;

	for (i = 0; i < 2; i++) {
		memset(data, 0, DATA_SIZE);
		memcpy(data, payload, sizeof(payload));
		status[i] = command_run(&controllers[i], queue, with_data(command));
		if (status[i] == STATUS_NONE)
			controller_reset(&controllers[i]);
	}
	va_start(args, format);
	report(status, format, args);
	va_end(args);
}

static void reset(void)
{
	memset(payload, 0, sizeof(payload));
	controller_reset(&controllers[0]);
	controller_reset(&controllers[1]);
}

/* ---- all opcodes ------------------------------------------------------------------ */

/* Those that would make or attach a namespace have a reserved selection. */
static void opcodes(void)
{
	unsigned int op;

	for (op = 0; op < 256; op++) {
		const bool selects = op == NS_MANAGE || op == NS_ATTACH;

		if (op == AER)
			continue;
		both(ADMIN, (struct command){ .opcode = op, .cdw10 = selects ? 15 : 0 },
		     "admin opcode=%02x", op);
		if (op == SHADOW_DOORBELLS)
			reset();
	}
	for (op = 0; op < 256; op++)
		both(IO, (struct command){ .opcode = op, .nsid = 1 }, "io opcode=%02x", op);
}

static void namespaces(void)
{
	static const uint8_t ops[] = { FLUSH, WRITE, READ, COMPARE, ZEROES, DSM, VERIFY };
	unsigned int i, n;

	EACH(i, ops) {
		EACH(n, nsids)
			both(IO, (struct command){ .opcode = ops[i], .nsid = nsids[n] },
			     "io opcode=%02x nsid=%x", ops[i], nsids[n]);
	}
}

/* ---- Identify --------------------------------------------------------------------- */

static void identify(void)
{
	static const uint32_t csis[] = { 0, 1, 2, 3, 0xff };
	unsigned int cns, n, i;

	for (cns = 0x20; cns < 256; cns++)
		both(ADMIN, (struct command){ .opcode = IDENTIFY, .nsid = 1, .cdw10 = cns },
		     "identify cns=%02x", cns);
	for (cns = 0; cns < 0x20; cns++) {
		EACH(n, nsids)
			both(ADMIN, (struct command){ .opcode = IDENTIFY, .nsid = nsids[n],
						      .cdw10 = cns },
			     "identify cns=%02x nsid=%x", cns, nsids[n]);
		EACH(i, csis)
			both(ADMIN, (struct command){ .opcode = IDENTIFY, .nsid = 1, .cdw10 = cns,
						      .cdw11 = csis[i] << 24 },
			     "identify cns=%02x nsid=1 csi=%x", cns, csis[i]);
		both(ADMIN, (struct command){ .opcode = IDENTIFY, .cdw10 = cns | 0x50000 },
		     "identify cns=%02x cntid=5", cns);
		both(ADMIN, (struct command){ .opcode = IDENTIFY, .cdw10 = cns | 0xffff0000 },
		     "identify cns=%02x cntid=ffff", cns);
	}
}

/* ---- Get Log Page ----------------------------------------------------------------- */

static void log_page(uint32_t lid, uint32_t nsid, uint64_t dwords, uint64_t offset)
{
	both(ADMIN, (struct command){ .opcode = LOG, .nsid = nsid,
				      .cdw10 = lid | (uint32_t)((dwords - 1) & 0xffff) << 16,
				      .cdw11 = (uint32_t)((dwords - 1) >> 16),
				      .cdw12 = (uint32_t)offset,
				      .cdw13 = (uint32_t)(offset >> 32) },
	     "log lid=%02x nsid=%x bytes=%llx offset=%llx", lid, nsid, 4ull * dwords,
	     (unsigned long long)offset);
}

static void log_pages(void)
{
	static const uint8_t there[] = { 0, 1, 2, 3, 4, 5, 6, 0x0d, 0x12, 0x13, 0x70, 0x80 };
	static const uint64_t offsets[] = { 1, 2, 3, 4, 64, 508, 512, 516, 1024, 4092, 4096, 4100,
					    8192, 1ull << 32 };
	static const uint64_t lengths[] = { 1, 2, 127, 129, 1024, 1025, 0x10000, 0x20000, 0x20001,
					    0x40000 };
	unsigned int lid, i, n;

	for (lid = 0; lid < 256; lid++)
		log_page(lid, 0xffffffff, 128, 0);
	EACH(lid, there) {
		EACH(n, nsids)
			log_page(there[lid], nsids[n], 16, 0);
		EACH(i, offsets)
			log_page(there[lid], 0xffffffff, 16, offsets[i]);
		EACH(i, lengths)
			log_page(there[lid], 0xffffffff, lengths[i], 0);
		for (i = 1; i < 16; i++)
			both(ADMIN, (struct command){ .opcode = LOG, .nsid = 0xffffffff,
						      .cdw10 = 15 << 16 | i << 8 | there[lid] },
			     "log lid=%02x lsp=%x", there[lid], i);
		both(ADMIN, (struct command){ .opcode = LOG, .nsid = 0xffffffff,
					      .cdw10 = 15 << 16 | 1 << 15 | there[lid] },
		     "log lid=%02x rae", there[lid]);
		both(ADMIN, (struct command){ .opcode = LOG, .nsid = 0xffffffff,
					      .cdw10 = 15 << 16 | there[lid], .cdw14 = 1 << 23 },
		     "log lid=%02x ot", there[lid]);
		both(ADMIN, (struct command){ .opcode = LOG, .nsid = 0xffffffff,
					      .cdw10 = 15 << 16 | there[lid], .cdw14 = 1 << 24 },
		     "log lid=%02x csi=1", there[lid]);
	}
}

/* ---- features --------------------------------------------------------------------- */

static const uint8_t features[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a,
				    0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14,
				    0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1d, 0x1e, 0x80, 0x81,
				    0x82, 0x83, 0x84, 0xc0 };

static void get_features(void)
{
	unsigned int fid, sel, n;

	for (fid = 0; fid < 256; fid++)
		both(ADMIN, (struct command){ .opcode = GET, .cdw10 = fid }, "get fid=%02x", fid);
	EACH(fid, features) {
		EACH(n, nsids) {
			for (sel = 0; sel < 4; sel++)
				both(ADMIN, (struct command){ .opcode = GET, .nsid = nsids[n],
							      .cdw10 = features[fid] | sel << 8 },
				     "get fid=%02x sel=%u nsid=%x", features[fid], sel, nsids[n]);
		}
		for (sel = 4; sel < 8; sel++)
			both(ADMIN, (struct command){ .opcode = GET,
						      .cdw10 = features[fid] | sel << 8 },
			     "get fid=%02x sel=%u", features[fid], sel);
	}
	for (n = 0; n < 32; n++) {
		both(ADMIN, (struct command){ .opcode = GET, .cdw10 = 4, .cdw11 = n << 16 },
		     "get fid=04 tmpsel=%x thsel=%x", n & 15, n >> 4);
		both(ADMIN, (struct command){ .opcode = GET, .cdw10 = 9, .cdw11 = 4 * n },
		     "get fid=09 vector=%x", 4 * n);
	}
}

/* Not Flexible Data Placement Events: QEMU 11.1 aborts if there is no such namespace. */
static void set_features(void)
{
	static const uint32_t values[] = { 0, 1, 2, 3, 7, 8, 0xff, 0x100, 0x101, 0x1ff, 0xffff,
					   0x10000, 0x10001, 0x40, 0x41, 0x100000, 0x110000,
					   0xf0000, 0xfffeffff, 0xfffffffe, 0xffffffff };
	unsigned int fid, i;

	for (fid = 0; fid < 256; fid++) {
		if (fid != FDP_EVENTS)
			both(ADMIN, (struct command){ .opcode = SET, .cdw10 = fid },
			     "set fid=%02x", fid);
	}
	reset();
	EACH(fid, features) {
		if (features[fid] == FDP_EVENTS)
			continue;
		both(ADMIN, (struct command){ .opcode = SET, .cdw10 = features[fid] | 1u << 31 },
		     "set fid=%02x save", features[fid]);
		EACH(i, nsids)
			both(ADMIN, (struct command){ .opcode = SET, .nsid = nsids[i],
						      .cdw10 = features[fid] },
			     "set fid=%02x nsid=%x", features[fid], nsids[i]);
		EACH(i, values)
			both(ADMIN, (struct command){ .opcode = SET, .cdw10 = features[fid],
						      .cdw11 = values[i] },
			     "set fid=%02x value=%x", features[fid], values[i]);
	}
	reset();
}

/* ---- queues ----------------------------------------------------------------------- */

static void queue_create(uint8_t opcode, uint32_t dw10, uint32_t dw11, uint64_t at)
{
	both(ADMIN, (struct command){ .opcode = opcode, .cdw10 = dw10, .cdw11 = dw11,
				      .prp1 = queue_space_at + at },
	     "create %s qid=%x entries=%x dw11=%x at=+%llx", opcode == CREATE_SQ ? "sq" : "cq",
	     dw10 & 0xffff, (dw10 >> 16) + 1, dw11, (unsigned long long)at);
}

static void queue_delete(uint8_t opcode, uint32_t qid)
{
	both(ADMIN, (struct command){ .opcode = opcode, .cdw10 = qid }, "delete %s qid=%x",
	     opcode == DELETE_SQ ? "sq" : "cq", qid);
}

/* Whatever has become of it. */
static void queues_forget(uint32_t qid)
{
	const struct command sq = { .opcode = DELETE_SQ, .cdw10 = qid };
	const struct command cq = { .opcode = DELETE_CQ, .cdw10 = qid };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		command_run(&controllers[i], ADMIN, sq);
		command_run(&controllers[i], ADMIN, cq);
	}
}

static void queue_ids(void)
{
	static const uint16_t qids[] = { 0, 1, 2, 64, 65, 66, 0x100, 0xffff };
	unsigned int i;

	EACH(i, qids)
		queue_create(CREATE_CQ, 15u << 16 | qids[i], 1, 0);
	EACH(i, qids)
		queue_create(CREATE_SQ, 15u << 16 | qids[i], 2u << 16 | 1, 4096);
	EACH(i, qids)
		queue_delete(DELETE_CQ, qids[i]); /* 2 and 1 have theirs */
	reset();
	EACH(i, qids)
		queue_create(CREATE_SQ, 15u << 16 | 3, (uint32_t)qids[i] << 16 | 1, 0);
	queues_forget(3);
	EACH(i, qids)
		queue_delete(DELETE_SQ, qids[i]); /* 1 is there */
}

static void queue_shapes(void)
{
	static const uint16_t sizes[] = { 0, 1, 2, 1022, 1023, 1024, 2047, 2048, 4095, 0xffff };
	static const uint16_t vectors[] = { 0, 1, 2, 31, 64, 65, 0x7ff, 0xffff };
	static const uint16_t ats[] = { 1, 4, 8, 16, 64, 0x800, 0xffc };
	unsigned int i, low;

	EACH(i, sizes) {
		queue_create(CREATE_CQ, (uint32_t)sizes[i] << 16 | 4, 1, 0);
		queue_create(CREATE_SQ, (uint32_t)sizes[i] << 16 | 4, 1u << 16 | 1, 4096);
		queues_forget(4);
	}
	EACH(i, vectors) {
		for (low = 1; low < 4; low += 2) {
			queue_create(CREATE_CQ, 15u << 16 | 5, (uint32_t)vectors[i] << 16 | low, 0);
			queues_forget(5);
		}
	}
	for (low = 0; low < 8; low += 2) { /* not in one piece; priorities */
		queue_create(CREATE_CQ, 15u << 16 | 6, low, 0);
		queue_create(CREATE_SQ, 15u << 16 | 6, 1u << 16 | low, 4096);
		queue_create(CREATE_SQ, 15u << 16 | 7, 1u << 16 | low | 1, 4096);
		queues_forget(6);
		queues_forget(7);
	}
	EACH(i, ats) {
		queue_create(CREATE_CQ, 15u << 16 | 8, 1, ats[i]);
		queue_create(CREATE_SQ, 15u << 16 | 9, 1u << 16 | 1, ats[i]);
		queues_forget(8);
		queues_forget(9);
	}
}

/* ---- Abort, Asynchronous Event Request, Format ------------------------------------- */

static void event_requests(void)
{
	static const char *const names[] = { "first", "second", "third", "fourth", "fifth",
					     "sixth" };
	const struct command aer = { .opcode = AER };
	uint32_t status[2];
	unsigned int i, c;

	EACH(i, names) {
		for (c = 0; c < 2; c++)
			status[c] = command_start(&controllers[c], aer);
		nr++;
		if (only_differences && status[0] == status[1])
			continue;
		status_print(status[0]);
		status_print(status[1]);
		printf("aer %s\n", names[i]);
	}
}

static void aborts(void)
{
	static const uint16_t sqids[] = { 0, 1, 2, 64, 65, 0xffff };
	unsigned int i;

	EACH(i, sqids)
		both(ADMIN, (struct command){ .opcode = ABORT, .cdw10 = 0xfff0u << 16 | sqids[i] },
		     "abort sqid=%x cid=fff0", sqids[i]);
}

/* As the namespace is already, or what cannot be. */
static void formats(void)
{
	static const uint32_t dw10s[] = { 0x8, 0xf, 0x100f, 0x300f, 0x10, 0x20, 0x40, 0x60, 0x80,
					  0xe0, 0x100, 0x200, 0x400, 0x600, 0x800, 0xe00, 0x0 };
	unsigned int i, n;

	EACH(n, nsids) {
		if (nsids[n] != 1)
			both(ADMIN, (struct command){ .opcode = FORMAT, .nsid = nsids[n] },
			     "format nsid=%x", nsids[n]);
	}
	EACH(i, dw10s)
		both(ADMIN, (struct command){ .opcode = FORMAT, .nsid = 1, .cdw10 = dw10s[i] },
		     "format nsid=1 dw10=%x", dw10s[i]);
}

/* ---- the NVM command set ------------------------------------------------------------ */

static struct command blocks(uint8_t opcode, uint64_t slba, uint32_t nlb)
{
	return (struct command){ .opcode = opcode, .nsid = 1, .cdw10 = (uint32_t)slba,
				 .cdw11 = (uint32_t)(slba >> 32), .cdw12 = (nlb - 1) & 0xffff };
}

static const uint8_t transfers[] = { WRITE, READ, COMPARE, ZEROES, VERIFY };

static void ranges(void)
{
	static const uint64_t firsts[] = { 0, 1, BLOCKS - 1, BLOCKS, BLOCKS + 1, 1ull << 31,
					   1ull << 32, 1ull << 55, 1ull << 63, ~0ull - 7, ~0ull };
	static const uint32_t counts[] = { 1, 2, 8, 9, 16, 17, 1023, 1024, 1025, 2048, 65536 };
	unsigned int op, i, n;

	EACH(op, transfers) {
		EACH(i, firsts) {
			EACH(n, counts)
				both(IO, blocks(transfers[op], firsts[i], counts[n]),
				     "io opcode=%02x slba=%llx nlb=%x", transfers[op],
				     (unsigned long long)firsts[i], counts[n]);
		}
	}
}

/* Bits of dword 12: type of directive, deallocate, protection information, FUA, limited retry */
static void flags(void)
{
	unsigned int op, bit;

	EACH(op, transfers) {
		for (bit = 16; bit < 32; bit++) {
			struct command command = blocks(transfers[op], 8, 8);

			command.cdw12 |= 1u << bit;
			both(IO, command, "io opcode=%02x slba=8 nlb=8 dw12.%u", transfers[op],
			     bit);
		}
	}
	memset(payload, 0x5a, sizeof(payload));
	both(IO, blocks(COMPARE, 8, 8), "compare with something else");
	both(IO, blocks(WRITE, 8, 8), "write something else");
	both(IO, blocks(COMPARE, 8, 8), "compare with that");
	both(IO, blocks(UNCORRECTABLE, 16, 8), "write uncorrectable");
	both(IO, blocks(READ, 16, 8), "read that");
	both(IO, blocks(ZEROES, 8, 16), "write zeroes over it");
	memset(payload, 0, sizeof(payload));
	both(IO, blocks(COMPARE, 8, 8), "compare with zeroes");
	both(IO, blocks(READ, 16, 8), "read what was uncorrectable");
}

struct dsm_range {
	uint32_t attributes, nlb;
	uint64_t slba;
};

static void deallocate(uint32_t dw10, uint32_t dw11, struct dsm_range first,
		       struct dsm_range second)
{
	memcpy(payload, &first, sizeof(first));
	memcpy(payload + sizeof(first), &second, sizeof(second));
	both(IO, (struct command){ .opcode = DSM, .nsid = 1, .cdw10 = dw10, .cdw11 = dw11 },
	     "dsm dw10=%x dw11=%x slba=%llx nlb=%x slba=%llx nlb=%x", dw10, dw11,
	     (unsigned long long)first.slba, first.nlb, (unsigned long long)second.slba,
	     second.nlb);
	memset(payload, 0, sizeof(payload));
}

static void deallocations(void)
{
	static const struct dsm_range some[] = {
		{ 0, 0, 0 }, { 0, 8, 0 }, { 0, 8, BLOCKS - 8 }, { 0, 8, BLOCKS - 7 },
		{ 0, 0, BLOCKS }, { 0, 1, BLOCKS }, { 0, 0, BLOCKS + 1 }, { 0, BLOCKS, 0 },
		{ 0, BLOCKS + 1, 0 }, { 0, ~0u, 0 }, { 0, 8, ~0ull - 3 }, { ~0u, 8, 64 },
	};
	unsigned int i, how;

	EACH(i, some) {
		for (how = 0; how < 8; how++)
			deallocate(0, how, some[i], some[0]);
		deallocate(1, 4, some[1], some[i]);
	}
	deallocate(255, 4, some[1], some[2]);
	deallocate(0x100, 4, some[1], some[2]);
	deallocate(1, 0x8, some[1], some[2]);
}

/* ---- data pointers ------------------------------------------------------------------ */

static void pointers_are(uint64_t prp1, uint64_t prp2, uint32_t nlb)
{
	struct command command = blocks(READ, 0, nlb);

	command.prp1 = prp1 + data_at;
	command.prp2 = prp2 + (nlb > 16 ? prp_list_at : data_at + 4096);
	both(IO, command, "read nlb=%x prp1=+%llx prp2=+%llx", nlb, (unsigned long long)prp1,
	     (unsigned long long)prp2);
	command.opcode = WRITE;
	both(IO, command, "write nlb=%x prp1=+%llx prp2=+%llx", nlb, (unsigned long long)prp1,
	     (unsigned long long)prp2);
}

static void pointers(void)
{
	static const uint16_t offsets[] = { 1, 2, 3, 4, 8, 0xc, 0x200, 0xe00, 0xffc };
	static const uint32_t counts[] = { 1, 8, 16, 17, 24 };
	unsigned int n, i;

	EACH(n, counts) {
		pointers_are(0, 0, counts[n]);
		EACH(i, offsets) {
			pointers_are(offsets[i], 0, counts[n]);
			pointers_are(0, offsets[i], counts[n]);
		}
	}
	for (i = 0; i < 2; i++) {
		for (n = 1; n < 16; n++) {
			const uint8_t bits = (uint8_t)((n & 3) | (n & 12) << 4);
			const struct command command = { .opcode = i ? IDENTIFY : FLUSH, .nsid = 1,
							 .flags = bits, .cdw10 = 1 };

			both(i ? ADMIN : IO, command, "%s fuse=%u psdt=%u",
			     i ? "identify" : "flush", n & 3, n >> 2);
		}
	}
}

/* A descriptor is 16 bytes, as the pointers: address, length, type and subtype. */
struct descriptor {
	uint64_t at;
	uint32_t len;
	uint8_t reserved[3], type;
};

static void described(struct descriptor d, uint8_t psdt, const char *what)
{
	struct command command = blocks(READ, 0, 8);

	command.prp1 = d.at;
	memcpy(&command.prp2, &d.len, 8);
	command.flags = (uint8_t)(psdt << 6);
	both(IO, command, "read psdt=%u sgl=%02x len=%x at=+%llx%s", psdt, d.type, d.len,
	     (unsigned long long)(d.at - data_at), what);
}

static void descriptors(void)
{
	static const uint32_t lens[] = { 0, 1, 16, 17, 512, 4095, 4097, 8192 };
	static const uint8_t subtypes[] = { 1, 0xa, 0xf };
	unsigned int type, i;

	for (type = 0; type < 16; type++) {
		const uint8_t byte = (uint8_t)(type << 4);

		EACH(i, subtypes)
			described((struct descriptor){ data_at, 4096, .type = byte | subtypes[i] },
				  1, "");
		if (type != 2 && type != 3)
			described((struct descriptor){ data_at, 4096, .type = byte }, 1, "");
	}
	EACH(i, lens)
		described((struct descriptor){ data_at, lens[i] }, 1, "");
	for (i = 1; i < 4; i++) {
		described((struct descriptor){ data_at + i, 4096 }, 1, "");
		described((struct descriptor){ data_at, 4096 }, (uint8_t)(i + 1) & 3, "");
	}
}

/* Segments lie in the first page, the data of the command behind it. */
static void segments(void)
{
	static const struct {
		uint32_t len;
		uint8_t type;
		const char *what;
		struct descriptor d[4];
	} all[] = {
#define AT(page) ((page) * 4096)
		{ 16, 0x30, " whole", { { AT(1), 4096 } } },
		{ 32, 0x30, " halves", { { AT(1), 2048 }, { AT(2), 2048 } } },
		{ 48, 0x30, " with a bucket", { { AT(1), 2048 }, { 0, 1024, .type = 0x10 },
						{ AT(2), 1024 } } },
		{ 32, 0x30, " more than all", { { AT(1), 4096 }, { AT(2), 4096 } } },
		{ 32, 0x30, " less than all", { { AT(1), 2048 }, { AT(2), 1024 } } },
		{ 8, 0x30, " half a descriptor", { { AT(1), 4096 } } },
		{ 24, 0x30, " one and a half", { { AT(1), 2048 }, { AT(2), 2048 } } },
		{ 0, 0x30, " none", { { AT(1), 4096 } } },
		{ 16, 0x30, " that leads on", { { 0, 16, .type = 0x30 } } },
		{ 32, 0x20, " of two", { { AT(1), 2048 }, { 32, 16, .type = 0x30 },
					 { AT(2), 2048 } } },
		{ 32, 0x20, " of three", { { AT(1), 2048 }, { 32, 16, .type = 0x20 },
					   { 48, 16, .type = 0x30 }, { AT(2), 2048 } } },
		{ 32, 0x20, " that ends", { { AT(1), 2048 }, { AT(2), 2048 } } },
		{ 32, 0x20, " that leads on early", { { 32, 16, .type = 0x30 }, { AT(1), 2048 },
						      { AT(2), 2048 } } },
		{ 32, 0x30, " of a wrong type", { { AT(1), 2048 },
						  { AT(2), 2048, .type = 0x40 } } },
	};
	unsigned int i, k;

	EACH(i, all) {
		struct descriptor list[4];

		memcpy(list, all[i].d, sizeof(list));
		for (k = 0; k < 4; k++)
			list[k].at += data_at;
		memcpy(payload, list, sizeof(list));
		described((struct descriptor){ data_at, all[i].len, .type = all[i].type }, 1,
			  all[i].what);
	}
}

int main(int argc, char **argv)
{
	static void (*const groups[])(void) = {
		opcodes, namespaces, identify, log_pages, get_features, set_features, queue_ids,
		queue_shapes, event_requests, aborts, formats, ranges, flags, deallocations,
		pointers, descriptors, segments,
	};
	unsigned int i;

	only_differences = argc == 4 && !strcmp(argv[1], "-d");
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 3 && !only_differences) {
		fputs("usage: nvme_oracle [-d] PCI-ADDRESS PCI-ADDRESS\n", stderr);
		return 2;
	}
	memory_setup();
	controller_open(&controllers[0], argv[argc - 2]);
	controller_open(&controllers[1], argv[argc - 1]);
	EACH(i, groups) {
		reset();
		groups[i]();
	}
	fprintf(stderr, "%u commands\n", nr);
	return 0;
}
