/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * muser-nvme.h - libmuser-nvme: NVMe controllers over libmuser.
 *
 * The library is the front end: registers, queues, PRP and SGL, Identify, features, log pages,
 * asynchronous events, abort, reset and shutdown at any moment, namespaces that come and go. A
 * command set is a table (&lm_nvme_set_t), what stores blocks is an ops object
 * (&lm_nvme_block_ops_t), and a device is a description of libmuser's, whose callbacks are mostly
 * those of this library.
 *
 * As with <muser.h>, functions return 0 or a negative errno, one thread at a time serves a
 * controller, and all of this is for that thread. A device whose threads end commands calls
 * lm_post() there, and lm_nvme_complete() or lm_nvme_io_done() from the posted function. Not with
 * LM_DEV_THREADS. Clauses are those of the NVM Express Base Specification 2.0 (Base) and the NVM
 * Command Set Specification 1.0 (NVM).
 */
#ifndef MUSER_NVME_H
#define MUSER_NVME_H

#include <muser.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 *	struct disk { lm_nvme_t *nvme; ... };   // *lm_dev_info_t.pvt begins with the controller
 *
 *	static void disk_stop(void *pvt)
 *	{
 *		lm_nvme_destroy(((struct disk *)pvt)->nvme);
 *	}
 *
 *	static int disk_start(void *pvt, lm_ctx_t *ctx)
 *	{
 *		const lm_nvme_info_t info = { .serial = "1" };
 *		const lm_nvme_ns_info_t ns = { .size = 1 << 30, .block = &disk_ops, .pvt = pvt };
 *		struct disk *disk = pvt;
 *		int ret;
 *
 *		ret = lm_nvme_create(ctx, &info, &disk->nvme);
 *		ret = ret ?: lm_nvme_ns_add(disk->nvme, &ns, NULL);
 *		if (ret)
 *			disk_stop(disk);
 *		return ret;
 *	}
 *
 *	static const lm_dev_info_t disk_info = {
 *		LM_NVME_DEVICE,
 *		.start = disk_start,
 *		.stop = disk_stop,
 *		.pci_info = { LM_NVME_PCI, .id = { .vid = 0x1234, .did = 0x1 } },
 *	};
 */

/** typedef lm_nvme_t - a controller. Opaque. */
typedef struct lm_nvme lm_nvme_t;

/* ---- status ---------------------------------------------------------------------- */

/** enum lm_nvme_status - status code type (bits 10:8) and status code (7:0) of a completion;
 * Base 3.3.3.2.1. */
enum lm_nvme_status {
	LM_NVME_SUCCESS                = 0x000,
	LM_NVME_INVALID_OPCODE         = 0x001,
	LM_NVME_INVALID_FIELD          = 0x002,
	LM_NVME_DATA_TRANSFER_ERROR    = 0x004,
	LM_NVME_INTERNAL_ERROR         = 0x006,
	LM_NVME_ABORT_REQUESTED        = 0x007,
	LM_NVME_ABORT_SQ_DELETION      = 0x008,
	LM_NVME_INVALID_NAMESPACE      = 0x00b,
	LM_NVME_SEQUENCE_ERROR         = 0x00c,
	LM_NVME_SGL_INVALID_SEGMENT    = 0x00d,
	LM_NVME_SGL_INVALID_COUNT      = 0x00e,
	LM_NVME_SGL_INVALID_LENGTH     = 0x00f,
	LM_NVME_SGL_INVALID_TYPE       = 0x011,
	LM_NVME_PRP_INVALID_OFFSET     = 0x013,
	LM_NVME_NS_WRITE_PROTECTED     = 0x020,
	LM_NVME_COMMAND_INTERRUPTED    = 0x021,
	LM_NVME_LBA_OUT_OF_RANGE       = 0x080,
	LM_NVME_CAPACITY_EXCEEDED      = 0x081,
	LM_NVME_NS_NOT_READY           = 0x082,
	LM_NVME_FORMAT_IN_PROGRESS     = 0x084,
	LM_NVME_INVALID_VALUE_SIZE     = 0x085,
	LM_NVME_INVALID_KEY_SIZE       = 0x086,
	LM_NVME_KEY_NOT_FOUND          = 0x087,
	LM_NVME_KEY_EXISTS             = 0x089,
	LM_NVME_INVALID_CQ             = 0x100,
	LM_NVME_INVALID_QUEUE_ID       = 0x101,
	LM_NVME_INVALID_QUEUE_SIZE     = 0x102,
	LM_NVME_AER_LIMIT              = 0x105,
	LM_NVME_INVALID_VECTOR         = 0x108,
	LM_NVME_INVALID_LOG_PAGE       = 0x109,
	LM_NVME_INVALID_FORMAT         = 0x10a,
	LM_NVME_INVALID_QUEUE_DELETION = 0x10c,
	LM_NVME_FEATURE_NOT_SAVEABLE   = 0x10d,
	LM_NVME_FEATURE_NOT_CHANGEABLE = 0x10e,
	LM_NVME_FEATURE_NOT_NS         = 0x10f,
	LM_NVME_COMMAND_SET_REJECTED   = 0x12b,
	LM_NVME_INVALID_COMMAND_SET    = 0x12c,
	LM_NVME_WRITE_FAULT            = 0x280,
	LM_NVME_READ_ERROR             = 0x281,
	LM_NVME_COMPARE_FAILURE        = 0x285,
	LM_NVME_ACCESS_DENIED          = 0x286,
};

/* ---- command sets ---------------------------------------------------------------- */

/**
 * struct lm_nvme_cmd - a command that is being served; the library's, valid until it is completed
 * @nvme:     the controller
 * @pvt:      lm_nvme_ns_info_t.pvt of its namespace, else lm_nvme_info_t.pvt
 * @dw:       its 16 dwords in host order: @dw[1] is the namespace, @dw[10] to @dw[15] are the
 *            command's own. They do not change when the guest changes its queue
 * @sqid:     which submission queue
 * @opcode:   bits 7:0 of @dw[0]
 * @block_shift: the namespace has blocks of 1 << @block_shift bytes
 * @length:   lm_nvme_op_t.check sets it: bytes of data
 * @iov:      lm_nvme_op_t.run finds the data there, @length bytes: client memory itself, which the
 *            guest may change at any time, or a copy
 * @nr_iov:   pieces of @iov
 * @error_at: where the field stands that is wrong: LM_NVME_DW(); for the error log
 * @result:   dwords 0 and 1 of the completion
 * @own:      the handler's; 0 at first
 */
typedef struct lm_nvme_cmd {
	lm_nvme_t          *nvme;
	void               *pvt;
	uint32_t            dw[16];
	uint16_t            sqid;
	uint8_t             opcode;
	uint8_t             block_shift;
	uint32_t            nr_iov;
	const struct iovec *iov;
	uint64_t            length;
	uint64_t            result;
	uint16_t            error_at;
	uint16_t            reserved[3];
	uint64_t            own[4];
} lm_nvme_cmd_t;

/* lm_nvme_cmd_t.error_at: the lowest byte of a dword, or a bit of it */
#define LM_NVME_DW(dword)           ((uint16_t)((dword) * 4))
#define LM_NVME_DW_BIT(dword, bit)  ((uint16_t)((dword) * 4 + (bit) / 8 + ((bit) % 8 << 8)))

/* lm_nvme_op_t.flags */
#define LM_NVME_OP_NS        (1u << 0) /* needs a namespace: dw[1] is one that is there */
#define LM_NVME_OP_WRITES    (1u << 1) /* changes what is stored: refused if it is read-only */
#define LM_NVME_OP_EXCLUSIVE (1u << 2) /* does not keep other commands of its namespace waiting:
					* they fail until it is done (Format) */

/* lm_nvme_op_t.effects: Base 5.16.1.6, log page 05h. That it is supported is understood */
#define LM_NVME_EFFECT_LBCC (1u << 1) /* logical blocks may change */
#define LM_NVME_EFFECT_NCC  (1u << 2) /* capabilities of a namespace */
#define LM_NVME_EFFECT_NIC  (1u << 3) /* the inventory of namespaces */
#define LM_NVME_EFFECT_CCC  (1u << 4) /* capabilities of the controller */
#define LM_NVME_EFFECT_CSE  (1u << 16) /* alone on its namespace */

/**
 * struct lm_nvme_op - a command
 * @opcode:  its bits 1:0 say which way data go (Base 3.3.3.1, figure 88): 0 none, 1 to the
 *           controller, 2 to the host
 * @flags:   LM_NVME_OP_*
 * @effects: LM_NVME_EFFECT_*
 * @name:    for traces: "Read"
 * @check:   looks at all fields, and says in cmd->length how much data there are; returns a
 *           status: nothing has happened if it is not LM_NVME_SUCCESS. NULL: no field, no data
 * @run:     does it, with the data at hand, and calls lm_nvme_complete(), at once or later. What
 *           it puts into cmd->iov of a command to the host is the guest's after that
 * @print:   writes its fields for traces, as "slba=0 nlb=8"; NULL: none
 */
typedef struct {
	uint8_t     opcode;
	uint8_t     reserved[3];
	uint32_t    flags;
	uint32_t    effects;
	uint32_t    reserved1;
	const char *name;
	uint16_t  (*check)(lm_nvme_cmd_t *cmd);
	void      (*run)(lm_nvme_cmd_t *cmd);
	void      (*print)(const lm_nvme_cmd_t *cmd, char *buf, size_t size);
	void       *reserved2[2];
} lm_nvme_op_t;

/**
 * struct lm_nvme_set - an I/O command set
 * @name:    for people
 * @ops:     its commands, @nr_ops of @op_size bytes (LM_NVME_OPS() sets all three); by reference:
 *           they outlive the controller
 * @csi:     its identifier (Base 5.17.2.1, figure 274): 0 NVM, 1 Key Value, 2 Zoned Namespace
 * @identify_ns:   the 4096 bytes of Identify CNS 05h, 0 at first, of the namespace whose pvt it is;
 *                 NULL: they stay 0
 * @identify_ctrl: those of CNS 06h; @pvt is lm_nvme_info_t.pvt
 */
typedef struct {
	const char         *name;
	const lm_nvme_op_t *ops;
	uint32_t            nr_ops;
	uint32_t            op_size;
	uint8_t             csi;
	uint8_t             reserved[7];
	void              (*identify_ns)(void *pvt, uint8_t *page);
	void              (*identify_ctrl)(void *pvt, uint8_t *page);
	void               *reserved1[2];
} lm_nvme_set_t;

#define LM_NVME_OPS(array) .ops = (array), .nr_ops = LM_NR(array), .op_size = sizeof((array)[0])

/** lm_nvme_nvm - the NVM command set, on lm_nvme_block_ops_t */
extern const lm_nvme_set_t lm_nvme_nvm;

/**
 * lm_nvme_complete() - end a command
 * @cmd:    the command; not to be touched afterwards
 * @status: enum lm_nvme_status. The library adds what else a completion has: "do not retry" where
 *          the status is one that will come again, the error log's entry, phase, queue head
 *
 * The controller may have been reset meanwhile: nobody hears of it then.
 *
 * Context: the thread that serves the context; also from lm_nvme_op_t.run.
 * Since: 0.2
 */
void lm_nvme_complete(lm_nvme_cmd_t *cmd, uint16_t status);

/**
 * lm_nvme_data_read() - take bytes from the data of a command
 * @cmd:    the command, which is run: of data that come from the guest
 * @offset: of the data, in bytes
 * @to:     @size bytes
 * @size:   how many; what is behind the end of the data is not touched
 *
 * Context: lm_nvme_op_t.run, and until the command is completed.
 * Return: how many there were.
 * Since: 0.2
 */
uint64_t lm_nvme_data_read(const lm_nvme_cmd_t *cmd, uint64_t offset, void *to, uint64_t size);

/**
 * lm_nvme_data_write() - put bytes into the data of a command
 * @cmd:    the command, which is run: of data that go to the guest
 * @offset: of the data, in bytes
 * @from:   @size bytes
 * @size:   how many; what is behind the end of the data is left out
 *
 * Context: as lm_nvme_data_read().
 * Return: how many had room.
 * Since: 0.2
 */
uint64_t lm_nvme_data_write(lm_nvme_cmd_t *cmd, uint64_t offset, const void *from, uint64_t size);

/* ---- what stores blocks ---------------------------------------------------------- */

/* lm_nvme_io_t.flags */
#define LM_NVME_IO_FUA     (1u << 0) /* on stable storage before it is done */
#define LM_NVME_IO_DISCARD (1u << 1) /* of zeroes: the space may be given back */

/**
 * struct lm_nvme_io - something to be done with the blocks of a namespace
 * @offset: from the start of the namespace, in bytes
 * @length: in bytes; inside the namespace, and both whole blocks
 * @iov:    the data, @nr_iov pieces
 * @flags:  LM_NVME_IO_*
 * @own:    the backend's; 0 at first
 */
typedef struct lm_nvme_io {
	uint64_t            offset;
	uint64_t            length;
	const struct iovec *iov;
	uint32_t            nr_iov;
	uint32_t            flags;
	uint64_t            own[4];
} lm_nvme_io_t;

/**
 * struct lm_nvme_block_ops - a backend
 * @size:         sizeof(lm_nvme_block_ops_t) as it was compiled
 * @read:         fill @io->iov. Required
 * @write:        store @io->iov. NULL: the namespace is read-only
 * @flush:        all that was written is to be on stable storage. NULL: it always is
 * @write_zeroes: @io->length may be all of the namespace. NULL: zeroes are written
 * @discard:      the contents do not count any more: the space may be given back, and reads give
 *                zeroes. NULL: contents stay
 * @cancel:       end @io soon, if that is possible; it is done as ever. NULL: it is not
 *
 * Each but @cancel ends with one lm_nvme_io_done(), at once or later, and may be called again
 * before it has: as many times as there are commands. @pvt is lm_nvme_ns_info_t.pvt.
 */
typedef struct {
	uint64_t size;
	void (*read)(void *pvt, lm_nvme_io_t *io);
	void (*write)(void *pvt, lm_nvme_io_t *io);
	void (*flush)(void *pvt, lm_nvme_io_t *io);
	void (*write_zeroes)(void *pvt, lm_nvme_io_t *io);
	void (*discard)(void *pvt, lm_nvme_io_t *io);
	void (*cancel)(void *pvt, lm_nvme_io_t *io);
} lm_nvme_block_ops_t;

/**
 * lm_nvme_io_done() - a backend has done something
 * @io:     what; not to be touched afterwards
 * @result: 0 or -errno: -ENOSPC (-EDQUOT, -EFBIG), -EROFS, -EACCES and -EINTR (may be tried again)
 *          have a status of their own, what else there is, is an error of the medium
 *
 * Context: the thread that serves the context; also from lm_nvme_block_ops_t.
 * Since: 0.2
 */
void lm_nvme_io_done(lm_nvme_io_t *io, int result);

/** lm_nvme_blkdev - a block backend of <muser-blkdev.h> as lm_nvme_ns_info_t.block: the namespace's
 * pvt is the lm_blkdev_t, and its size is at most lm_blkdev_size(). The backend is destroyed before
 * the controller. lm_blkdev_info_t.batch may call lm_nvme_batch() */
extern const lm_nvme_block_ops_t lm_nvme_blkdev;

/**
 * lm_nvme_batch() - several completions are about to be made
 * @nvme:   the controller, or NULL: nothing is done
 * @begins: true: interrupts wait for the call with false, which follows in the same callback; then
 *          each vector is signalled once
 *
 * For backends whose requests end together. It nests. What is begun in lm_nvme_block_ops_t needs
 * none of it.
 *
 * Context: the thread that serves the context.
 * Since: 0.2
 */
void lm_nvme_batch(lm_nvme_t *nvme, bool begins);

/* ---- namespaces ------------------------------------------------------------------ */

#define LM_NVME_MAX_NSID 256

/* lm_nvme_ns_info_t.flags */
#define LM_NVME_NS_READ_ONLY (1u << 0)

/**
 * struct lm_nvme_ns_info - a namespace
 * @nsid:       1 .. LM_NVME_MAX_NSID; 0: the lowest that is free
 * @flags:      LM_NVME_NS_*
 * @set:        its command set, one of lm_nvme_info_t.sets; NULL: NVM
 * @pvt:        for the set's handlers, and for @block
 * @block:      where its blocks are; by reference. Of the NVM command set, which needs it
 * @size:       in bytes, whole blocks
 * @block_size: 512 or 4096, 0: 512. A guest may format the namespace to the other one, if @size is
 *              a multiple of that
 * @nguid, @uuid, @eui64: what it is, for ever; 0: made of the serial number and the nsid
 * @removed:    lm_nvme_ns_remove() was called, and no command uses @pvt any more; or NULL
 */
typedef struct {
	uint32_t                   nsid;
	uint32_t                   flags;
	const lm_nvme_set_t       *set;
	void                      *pvt;
	const lm_nvme_block_ops_t *block;
	uint64_t                   size;
	uint32_t                   block_size;
	uint32_t                   reserved;
	uint8_t                    nguid[16];
	uint8_t                    uuid[16];
	uint8_t                    eui64[8];
	void                     (*removed)(void *pvt);
	void                      *reserved1[2];
} lm_nvme_ns_info_t;

/**
 * lm_nvme_ns_add() - add a namespace
 * @nvme: the controller
 * @info: description, copied
 * @nsid: out: which one it is; or NULL
 *
 * While a guest runs, it is notified (Base 5.2, Namespace Attribute Changed), if it wants to be.
 *
 * Context: the thread that serves the context.
 * Return: 0; -EINVAL: a size, a command set that the controller does not have, no ops; -EEXIST:
 *         @info->nsid is taken; -ENOSPC: all are; -ENOMEM.
 * Since: 0.2
 */
int lm_nvme_ns_add(lm_nvme_t *nvme, const lm_nvme_ns_info_t *info, uint32_t *nsid);

/**
 * lm_nvme_ns_remove() - remove a namespace
 * @nvme: the controller
 * @nsid: which
 *
 * Commands that come for it fail. Those that are being served are waited for: then
 * lm_nvme_ns_info_t.removed is called, maybe before this function returns. Until then its nsid is
 * taken.
 *
 * Context: the thread that serves the context.
 * Return: 0; -ENOENT: there is none.
 * Since: 0.2
 */
int lm_nvme_ns_remove(lm_nvme_t *nvme, uint32_t nsid);

/**
 * lm_nvme_ns_resize() - change the size of a namespace
 * @nvme: the controller
 * @nsid: which
 * @size: in bytes, whole blocks
 *
 * Commands that were accepted before may still go to blocks that are not there any more.
 *
 * Context: the thread that serves the context.
 * Return: 0; -ENOENT; -EINVAL: the size.
 * Since: 0.2
 */
int lm_nvme_ns_resize(lm_nvme_t *nvme, uint32_t nsid, uint64_t size);

/* ---- the controller -------------------------------------------------------------- */

/**
 * struct lm_nvme_info - a controller. Everything is optional
 * @serial:    20 characters at most; NULL: made of the UUID of the device
 * @model:     40 at most
 * @firmware:  8 at most
 * @subnqn:    its NVM subsystem, as "nqn.2014-08..."; NULL: made of the UUID of the device
 * @pvt:       for lm_nvme_cmd_t.pvt of admin commands
 * @sets:      I/O command sets, ends with NULL; NULL: NVM alone. By reference
 * @admin_ops: admin commands of its own, opcodes C0h to FFh, @nr_admin_ops of @admin_op_size bytes;
 *             by reference
 * @queues:    I/O queue pairs, 1 .. 64; 0: 64
 * @entries:   of an I/O queue, 2 .. 1024; 0: 1024
 * @mdts:      largest transfer, as a power of two of 4 KiB, 1 .. 8; 0: 7 (512 KiB)
 * @ieee:      OUI, as Identify has it
 * @flags:     LM_NVME_SHADOW
 */
typedef struct {
	const char                 *serial;
	const char                 *model;
	const char                 *firmware;
	const char                 *subnqn;
	void                       *pvt;
	const lm_nvme_set_t *const *sets;
	const lm_nvme_op_t         *admin_ops;
	uint32_t                    nr_admin_ops;
	uint32_t                    admin_op_size;
	uint16_t                    queues;
	uint16_t                    entries;
	uint8_t                     mdts;
	uint8_t                     ieee[3];
	uint32_t                    flags;
	uint32_t                    reserved;
	uint64_t                    reserved1[3];
} lm_nvme_info_t;

/* lm_nvme_info_t.flags: shadow doorbells (Base 5.8, Doorbell Buffer Config). A guest that uses them
 * writes to its own memory, which is looked at while there is work: real doorbells, each a message
 * or an exit of the virtual machine, wake the controller only. Not with LM_DEV_THREADS */
#define LM_NVME_SHADOW (1u << 0)

/**
 * lm_nvme_create() - make a controller
 * @ctx:  the context, whose description has LM_NVME_DEVICE and LM_NVME_PCI
 * @info: description; what it points to is copied, but for what is by reference
 * @nvme: out: the first member of *lm_dev_info_t.pvt
 *
 * In lm_dev_info_t.start. State that another process has left is taken up: commands that it has not
 * ended are served again when the client comes.
 *
 * Context: lm_dev_info_t.start.
 * Return: 0; -EINVAL: a member of @info, or @nvme is not where lm_dev_info_t.pvt points to;
 *         -ESTALE: the state is none; -ENOMEM.
 * Since: 0.2
 */
int lm_nvme_create(lm_ctx_t *ctx, const lm_nvme_info_t *info, lm_nvme_t **nvme);

/**
 * lm_nvme_destroy() - free a controller
 * @nvme: the controller or NULL
 *
 * In lm_dev_info_t.stop, when the device's backends have ended what they had to do:
 * lm_nvme_complete() and lm_nvme_io_done() must not be called any more, and @removed of
 * namespaces is not called.
 *
 * Context: lm_dev_info_t.stop.
 * Since: 0.2
 */
void lm_nvme_destroy(lm_nvme_t *nvme);

/**
 * lm_nvme_poll() - look at all doorbells, and serve what there is
 * @nvme: the controller
 *
 * For a device with a lm_dev_info_t.written of its own (lm_nvme_configure()); otherwise nobody has
 * to call it. A turn of it is bounded, as that of a write is.
 *
 * Context: the thread that serves the context.
 * Return: how many doorbells have changed, and commands were begun.
 * Since: 0.2
 */
unsigned int lm_nvme_poll(lm_nvme_t *nvme);

/**
 * lm_nvme_pvt() - lm_nvme_info_t.pvt
 * @nvme: the controller
 *
 * Context: any.
 * Return: the pointer.
 * Since: 0.2
 */
void *lm_nvme_pvt(const lm_nvme_t *nvme);

/* ---- faults ---------------------------------------------------------------------- */

/* lm_nvme_fault_t.flags */
#define LM_NVME_FAULT_FAIL   (1u << 0) /* it is checked, and ends with @status */
#define LM_NVME_FAULT_DROP   (1u << 1) /* it is served, and its completion never comes */
#define LM_NVME_FAULT_RESULT (1u << 2) /* its completion has @result */

#define LM_NVME_FAULT_MAX_NS 3600000000000ull /* the longest delay: an hour */

/**
 * struct lm_nvme_fault - what is to happen to a command; all 0: nothing
 * @flags:          LM_NVME_FAULT_*
 * @status:         enum lm_nvme_status, not success. As with lm_nvme_complete()
 * @delay_ns:       before it is looked at
 * @end_delay_ns:   before its completion is in the queue; what it does is done, and its data are
 *                  there
 * @result:         dwords 0 and 1 of the completion
 * @corrupt_offset: of the data, in bytes
 * @corrupt_length: that many bytes from there on are inverted, as many as there are: on the way to
 *                  the guest, or on the way from it, where the guest's own memory stays as it is
 */
typedef struct {
	uint32_t flags;
	uint16_t status;
	uint16_t reserved;
	uint64_t delay_ns;
	uint64_t end_delay_ns;
	uint64_t result;
	uint64_t corrupt_offset;
	uint64_t corrupt_length;
	uint64_t reserved1[4];
} lm_nvme_fault_t;

/**
 * typedef lm_nvme_inject_fn - says what is to happen to a command
 * @pvt:   that of lm_nvme_inject()
 * @cmd:   a command that was fetched, of any queue: @sqid 0 is admin. Nothing was checked yet, and
 *         there are no data. What it puts into @dw is served instead; the completion has the
 *         identifier of the original
 * @fault: out: all 0 at first
 *
 * An Asynchronous Event Request is a command: it ends when there is an event, and @end_delay_ns,
 * LM_NVME_FAULT_DROP and LM_NVME_FAULT_RESULT are done to that event.
 */
typedef void lm_nvme_inject_fn(void *pvt, lm_nvme_cmd_t *cmd, lm_nvme_fault_t *fault);

/**
 * lm_nvme_inject() - have commands fail, come late, or go wrong
 * @nvme: the controller
 * @fn:   asked once for each command; NULL: none is. It must not call the controller
 * @pvt:  for it
 *
 * For tests of drivers. Commands that were asked for before keep what was said. One that another
 * process had begun is asked for again. A reset ends delays; Abort, that before a command is looked
 * at. The identifier of a command whose completion was dropped may be used again.
 *
 * Context: the thread that serves the context.
 * Since: 0.2
 */
void lm_nvme_inject(lm_nvme_t *nvme, lm_nvme_inject_fn *fn, void *pvt);

/* ---- what a description consists of ---------------------------------------------- */

/* BAR0: registers at 0, doorbells at 1000h, MSI-X at 2000h and 3000h. Windows wants 16 KiB. */
#define LM_NVME_BAR0_SIZE  0x4000
#define LM_NVME_VECTORS    65
#define LM_NVME_MSIX_TABLE 0x2000
#define LM_NVME_MSIX_PBA   0x3000

#define LM_NVME_STATE_SIZE    (128u << 10)
#define LM_NVME_STATE_VERSION 1

/** lm_nvme_registers - the register map of BAR0 */
extern const lm_register_map_t lm_nvme_registers;

/** lm_nvme_caps - capabilities: PCI Express with function level reset, power management, MSI-X */
#define LM_NVME_NR_CAPS 3
extern const lm_cap_t lm_nvme_caps[LM_NVME_NR_CAPS];

/* lm_nvme_configure() @flags */
#define LM_NVME_MAP_DOORBELLS (1u << 0) /* clients may map the doorbells */
#define LM_NVME_NO_MSIX       (1u << 1) /* no MSI-X: MSI, or INTx */
#define LM_NVME_NO_MSI        (1u << 2) /* no MSI */

/**
 * lm_nvme_configure() - change what LM_NVME_DEVICE and LM_NVME_PCI say
 * @info:  the description
 * @flags: LM_NVME_*
 *
 * Doorbells that a client maps are plain stores of which nobody hears. They are looked at while the
 * controller is enabled, as by a poller of LM_POLL_TIMED (lm_poller_create()); a mediated device is
 * notified of the first one instead, by lm_dev_info_t.written, and looks then: a device with a
 * @written of its own calls lm_nvme_poll() there. They are 0 when the controller is enabled, for a
 * queue that was created, and for a new client. SPDK's client needs it.
 *
 * Context: lm_dev_info_t.configure, or before lm_ctx_create().
 * Return: 0; -EINVAL: a flag is unknown, or without MSI-X, cap_list is not lm_nvme_caps.
 * Since: 0.2
 */
int lm_nvme_configure(lm_dev_info_t *info, uint32_t flags);

/**
 * lm_nvme_on_reset() - lm_dev_info_t.reset of a controller
 * @pvt: *@pvt begins with the controller, as for all of these
 *
 * Each of these four may be called from a callback of the device's own, which it then is named
 * after.
 *
 * Context: as the callback.
 * Return: what the callback returns.
 * Since: 0.2
 */
int lm_nvme_on_reset(void *pvt);

/**
 * lm_nvme_on_client() - lm_dev_info_t.client of a controller
 * @pvt:      as lm_nvme_on_reset()
 * @attached: as the callback
 *
 * A client that is not the first one finds a controller that was reset.
 *
 * Context: as the callback.
 * Since: 0.2
 */
void lm_nvme_on_client(void *pvt, bool attached);

/**
 * lm_nvme_on_dma_unmap() - lm_dev_info_t.dma_unmap of a controller
 * @pvt:  as lm_nvme_on_reset()
 * @addr: as the callback
 * @len:  as the callback
 *
 * Context: as the callback.
 * Return: what the callback returns.
 * Since: 0.2
 */
int lm_nvme_on_dma_unmap(void *pvt, dma_addr_t addr, uint64_t len);

/**
 * lm_nvme_on_load() - lm_dev_info_t.load of a controller
 * @pvt:  as lm_nvme_on_reset()
 * @buf:  as the callback
 * @size: as the callback
 *
 * All of a controller is in lm_state(): it needs no lm_dev_info_t.save, and goes on from here.
 *
 * Context: as the callback.
 * Return: what the callback returns: -EINVAL if lm_state() is that of no such controller.
 * Since: 0.2
 */
int lm_nvme_on_load(void *pvt, const void *buf, size_t size);

/* Members of lm_dev_info_t. */
#define LM_NVME_DEVICE                                 \
	.state_size = LM_NVME_STATE_SIZE,              \
	.state_version = LM_NVME_STATE_VERSION,        \
	.reset = lm_nvme_on_reset,                     \
	.client = lm_nvme_on_client,                   \
	.dma_unmap = lm_nvme_on_dma_unmap,             \
	.load = lm_nvme_on_load,                       \
	.cap_list = lm_nvme_caps,                      \
	.nr_caps = LM_NVME_NR_CAPS,                    \
	.cap_size = sizeof(lm_cap_t)

/* Members of lm_pci_info_t: class 010802h (PCIe Transport 1.0, 3.8.1), vectors, BAR0. */
#define LM_NVME_PCI                                                                \
	.cc = { .bcc = 0x01, .scc = 0x08, .pi = 0x02 },                            \
	.irq_count = { [LM_DEV_INTX_IRQ_IDX] = 1, [LM_DEV_MSI_IRQ_IDX] = 32,       \
		       [LM_DEV_MSIX_IRQ_IDX] = LM_NVME_VECTORS },                  \
	.reg_info[LM_BAR0_REG_IDX] = {                                             \
		.flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM | LM_REG_FLAG_64BIT,     \
		.size = LM_NVME_BAR0_SIZE,                                         \
		.regs = &lm_nvme_registers,                                        \
	}

#ifdef __cplusplus
}
#endif

#endif /* MUSER_NVME_H */
