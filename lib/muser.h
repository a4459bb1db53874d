/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * muser.h - the server side of libmuser: PCI devices in user space, and devices without PCI.
 *
 * A device is a description (&lm_dev_info_t) and callbacks. The library speaks vfio-user to the
 * client (QEMU, SPDK, cloud-hypervisor, musctl; muser.ko, behind which any VFIO client is), keeps
 * PCI configuration space, interrupts and the DMA map, and makes the device visible to musctl.
 *
 * Conventions, unless a function says otherwise:
 *  - functions return 0 or a negative errno; objects come out of a parameter;
 *  - one thread at a time serves a context, and callbacks run on that thread; lm_irq_*(),
 *    lm_post(), lm_ctx_call() and lm_ctx_stop() may be called from any thread (LM_DEV_THREADS:
 *    several threads, and more that they may call);
 *  - nothing installs signal handlers (lm_sigbus_guard() excepted), nothing prints but messages
 *    for which a description has no @log, and no threads are made but those of block backends
 *    (<muser-blkdev.h>), and to close descriptors of a peer that could make close(2) wait: at most
 *    four, while there are some;
 *  - strings and tables of a description are copied by lm_ctx_create(), except that register
 *    tables, field tables, property tables and mailboxes (lm_doe_t) are kept by reference and must
 *    outlive the context;
 *  - sizes are in bytes, times in nanoseconds.
 */
#ifndef MUSER_H
#define MUSER_H

#if defined(__SIZEOF_POINTER__) && __SIZEOF_POINTER__ < 8
#error "libmuser is for 64-bit machines: build this without -m32 or -mx32"
#endif

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- what a device is ------------------------------------------------------------ */

#define LM_VERSION_MAJOR 0
#define LM_VERSION_MINOR 2
#define LM_VERSION_PATCH 0

/** typedef lm_ctx_t - one device: its description, its state, its client. Opaque. */
typedef struct lm_ctx lm_ctx_t;

/** typedef dma_addr_t - an I/O virtual address: an address as the device sees memory. */
typedef uint64_t dma_addr_t;

/** typedef lm_off_t - an offset in a region. It is what Linux headers call loff_t, which not every
 * libc has, and none for strict standards: callbacks may be declared with either. */
typedef int64_t lm_off_t;

/* Region indexes, those of <linux/vfio.h> (VFIO_PCI_BAR0_REGION_INDEX ...). */
enum {
	LM_BAR0_REG_IDX,
	LM_BAR1_REG_IDX,
	LM_BAR2_REG_IDX,
	LM_BAR3_REG_IDX,
	LM_BAR4_REG_IDX,
	LM_BAR5_REG_IDX,
	LM_ROM_REG_IDX,
	LM_CFG_REG_IDX,
	LM_VGA_REG_IDX,
	LM_DEV_NUM_REGS,
};

/* Interrupt indexes, those of <linux/vfio.h> (VFIO_PCI_INTX_IRQ_INDEX ...). LM_DEV_PLATFORM: the
 * device has its own, as it has its own regions. */
enum {
	LM_DEV_INTX_IRQ_IDX,
	LM_DEV_MSI_IRQ_IDX,
	LM_DEV_MSIX_IRQ_IDX,
	LM_DEV_ERR_IRQ_IDX,
	LM_DEV_REQ_IRQ_IDX,
	LM_DEV_NUM_IRQS,
};

#define LM_MAX_CAPS 16

/* lm_reg_info_t.flags */
#define LM_REG_FLAG_READ     (1u << 0) /* without it reads give all ones */
#define LM_REG_FLAG_WRITE    (1u << 1) /* without it writes are dropped */
#define LM_REG_FLAG_RW       (LM_REG_FLAG_READ | LM_REG_FLAG_WRITE)
#define LM_REG_FLAG_MMAP     (1u << 2) /* the client may map it: all, or mmap_areas */
#define LM_REG_FLAG_MEM      (1u << 3) /* a memory BAR; without it a BAR is an I/O BAR */
#define LM_REG_FLAG_64BIT    (1u << 4) /* a 64-bit BAR: takes this index and the next */
#define LM_REG_FLAG_PREFETCH (1u << 5)
#define LM_REG_FLAG_FD       (1u << 6) /* its memory is a file of the device (lm_reg_info_t.fd) */

/**
 * typedef lm_region_access_t - one access of the client to a region
 * @pvt:      lm_dev_info_t.pvt
 * @buf:      the bytes to write, or where to put the bytes read, 0 at first; valid until the
 *            callback returns
 * @count:    how many bytes, 1 .. lm_reg_info_t.size; the range lies inside the region
 * @offset:   where in the region, in bytes
 * @is_write: true for a write
 *
 * Context: the thread that serves the context; LM_DEV_THREADS: on several at a time. Must not call
 *          lm_ctx_poll() or lm_ctx_destroy().
 * Return: @count; or LM_DEFER after lm_defer(); or a negative errno: then a read gives the client
 *         all ones and a write is dropped, as on a bus, whatever @buf has become. Any other count
 *         is taken for -EIO. Such an access is marked as refused in traces, with the errno, and
 *         counted by musctl show. A client gets no error: a guest could provoke it, and virtual
 *         machine monitors take it for the end of the device. musctl peek and poke do get it.
 *         So are accesses answered that never reach a callback: those that leave the region, that
 *         it does not allow (LM_REG_FLAG_RW), or whose width its register map does not allow.
 */
typedef ssize_t (lm_region_access_t)(void *pvt, char *buf, size_t count, lm_off_t offset,
				     bool is_write);

/**
 * struct lm_region_io - one access of the client to a region, for lm_reg_info_t.io
 * @ctx:      the context
 * @buf:      as of lm_region_access_t, and so are @count, @offset and @is_write
 * @region:   index of the region
 */
typedef struct {
	lm_ctx_t *ctx;
	char     *buf;
	size_t    count;
	uint64_t  offset;
	uint32_t  region;
	bool      is_write;
} lm_region_io_t;

/**
 * typedef lm_map_region_t - the client is about to learn that it can map device memory
 * @pvt:   lm_dev_info_t.pvt
 * @pgoff: first page of the area, counted from the start of the region
 * @len:   length of the area in bytes
 *
 * Called once for each mappable area, before the region is first described to a client.
 * The callback gets the memory with lm_mmap(), prepares its contents, and returns its address.
 *
 * Return: the address, or 0 to keep the area unmapped (accesses stay trapped).
 */
typedef unsigned long (lm_map_region_t)(void *pvt, unsigned long pgoff, unsigned long len);

/** struct lm_mmap_area - a part of a region that the client may map; page aligned, in order. */
typedef struct {
	uint64_t offset;
	uint64_t size;
} lm_mmap_area_t;

/**
 * struct lm_ioeventfd - a kick: a write that signals an eventfd, as to a doorbell, and no more
 *
 * A write of the client at just this offset, of this width and, with LM_IOEVENTFD_DATAMATCH, of
 * this value adds 1 to the eventfd: neither callback nor register nor memory sees it. All other
 * writes there go their usual way. A client may also ask for eventfds to write itself
 * (VFIO_USER_DEVICE_GET_REGION_IO_FDS). It gets its own, never @fd: one for each eventfd of the
 * device, until it leaves. What it writes there, lm_ctx_drive() or lm_ctx_poll() forwards: it adds
 * 1 to @fd, several writes together may add 1 in all, and no trace sees it. So only the device
 * reads @fd. On sockets and for mediated devices. lm_ctx_create() refuses kicks that no write
 * matches, and two that match the same one.
 */
typedef struct {
	uint64_t offset;    /* in the region, to which clients can write */
	uint32_t size;      /* width of the write, 1, 2, 4 or 8 bytes; 0: any up to 8 */
	uint32_t flags;     /* LM_IOEVENTFD_* */
	uint64_t datamatch; /* with LM_IOEVENTFD_DATAMATCH: the value that kicks, of @size bytes */
	int      fd;        /* an eventfd of the device, borrowed while the context lives */
	uint32_t reserved;
} lm_ioeventfd_t;

#define LM_IOEVENTFD_DATAMATCH (1u << 0)

/** enum lm_access - how a register answers a guest */
enum lm_access {
	LM_RW,   /* reads give the value, writes change it */
	LM_RO,   /* writes are dropped */
	LM_WO,   /* reads give 0 */
	LM_RW1C, /* writing 1 to a bit clears it */
};

/* lm_register_t.flags */
#define LM_REGISTER_PURE (1u << 0) /* reading it has no side effects: a partial write may read it
				    * first, musctl show reads no others */

/** struct lm_field - a bit field of a register, for names in tables and for peek REGISTER.FIELD */
typedef struct {
	const char *name;  /* as lm_register_t.name; unique in the register */
	uint8_t     shift; /* lowest bit */
	uint8_t     bits;  /* how many, at least one; all are inside the register */
	uint8_t     reserved[6];
	const char *help;
} lm_field_t;

#define LM_FIELDS(array) .nr_fields = LM_NR(array), .fields = (array)

/**
 * struct lm_register - one register of a region
 * @name:   [A-Za-z0-9_], 1 to 63 of them; unique in the device, whatever the case
 * @help:   one line for tables and man pages, or NULL
 * @offset: in the region; best a multiple of @width (8: of 4), as guests access no others
 * @width:  1, 2, 4 or 8 bytes
 * @access: enum lm_access
 * @flags:  LM_REGISTER_*
 * @reset:  value after reset
 * @fields: bit fields, @nr_fields of them, or NULL (LM_FIELDS() sets both)
 * @count:  0, or how many registers this is: an array, whose elements are NAME0 .. NAME(count-1)
 *          for musctl and for all else that names registers. Up to 65536 registers a region
 * @stride: from one element to the next, 0: @width. Arrays may lie between each other's elements
 * @wmask:  0, or which bits a guest can write: to the others its writes do nothing (since 0.2)
 * @aliases: other registers that an access here may mean, when it is a write, or a bit elsewhere
 *          says so; @nr_aliases of them (LM_ALIASES() sets both), or NULL. Of each name, help and
 *          fields count. It is lm_register_io_t.alias that says which it was (since 0.2)
 */
typedef struct lm_register {
	const char       *name;
	const char       *help;
	uint64_t          offset;
	uint8_t           width;
	uint8_t           access;
	uint16_t          flags;
	uint32_t          nr_fields;
	const lm_field_t *fields;
	uint64_t          reset;
	uint32_t          count;
	uint32_t          stride;
	uint64_t          wmask;
	const struct lm_register *aliases;
	uint32_t          nr_aliases;
	uint32_t          reserved;
} lm_register_t;

#define LM_ALIASES(array) .nr_aliases = LM_NR(array), .aliases = (array)

/**
 * struct lm_register_io - a read or a write of one register
 * @ctx:     the context
 * @offset:  of the register in its region, or of the element
 * @value:   a write: what it is to become
 * @old:     a write, where the library keeps the value: what it is until then; else 0
 * @region:  index of the region
 * @index:   of the register in the table
 * @element: of an array, from 0; else 0
 * @width:   of the register, in bytes
 * @alias:   to be set, where the register has aliases: 0, as it is at first, that it was itself, or
 *           1 + index of the alias that it was. Traces show that name (since 0.2)
 */
typedef struct {
	lm_ctx_t *ctx;
	uint64_t  offset;
	uint64_t  value;
	uint64_t  old;
	uint32_t  region;
	uint32_t  index;
	uint32_t  element;
	uint32_t  width;
	uint32_t *alias;
} lm_register_io_t;

/**
 * struct lm_register_map - the registers of a region
 * @registers:     sorted by offset (of arrays: that of the first element), not overlapping
 * @nr_registers:  how many
 * @register_size: sizeof(lm_register_t) as the program was compiled (LM_REGISTERS() sets all three)
 * @min_width:     narrowest access a guest may make, in bytes; 0: 1
 * @max_width:     widest, 0: 8. An access outside these widths reads as all ones, or is dropped,
 *                 and is traced as refused (see lm_region_access_t)
 * @read:          value of the register @io is about, all of it. NULL: the library keeps the values
 *                 (lm_register_get(), lm_register_set())
 * @write:         a new value for it. NULL: the library just stores it. With @read NULL it does so
 *                 once the write is done: until @write returns, or lm_complete() if it was put
 *                 off, lm_register_get() gives the old value. A lm_register_set() of the register
 *                 meanwhile, or a reset, counts instead: so a bit may clear itself. Nothing is
 *                 stored if the write fails, or the client leaves before it is done. Of LM_RW1C
 *                 registers @value is what the guest wrote: the ones clear
 *
 * An access is split into, or merged with, whole registers: a wide read calls @read for each
 * register that it covers; a narrow write of a register marked LM_REGISTER_PURE reads, merges
 * and writes it; a narrow write of another register passes the written bytes, the rest 0. Where the
 * library keeps the values, it is these that a narrow write is merged with, and no other bytes
 * change. A write of a register with a lm_register_t.wmask is a narrow one.
 * Bytes between registers read as all ones (in configuration space: 0) and drop writes. A @read or
 * @write may call lm_defer().
 */
typedef struct {
	const lm_register_t *registers;
	uint32_t             nr_registers;
	uint32_t             register_size;
	uint8_t              min_width;
	uint8_t              max_width;
	uint8_t              reserved[6];
	uint64_t           (*read)(void *pvt, const lm_register_io_t *io);
	void               (*write)(void *pvt, const lm_register_io_t *io);
} lm_register_map_t;

#define LM_NR(array)         (sizeof(array) / sizeof((array)[0]))
#define LM_REGISTERS(array)  .registers = (array), .nr_registers = LM_NR(array), \
			     .register_size = sizeof((array)[0])

/**
 * struct lm_reg_info - one region
 * @flags:       LM_REG_FLAG_*, LM_REG_FLAG_READ or LM_REG_FLAG_WRITE among them
 * @size:        bytes; a BAR's size must be a power of two (memory >= 16, I/O 4 .. 256). 0: absent,
 *               and so is all else
 * @fn:          the access callback; or NULL with @io or a register map; or NULL with neither, when
 *               the library keeps @size bytes of plain memory (lm_mmap() gives their address)
 * @map:         called before a client learns that it can map; optional
 * @regs:        register map; excludes @fn and @io. None is in @mmap_areas, unless @map may refuse
 * @mmap_areas:  which parts may be mapped, @nr_mmap_areas of them; NULL with LM_REG_FLAG_MMAP: all.
 *               An access there by message, by a client that does not map it or by musctl, is one
 *               to the memory too, not to @fn or @regs (unless @map has refused)
 * @ioeventfds:  kicks, @nr_ioeventfds of them, 64 at most
 * @type:        for device-specific regions: VFIO_REGION_TYPE_*, with @subtype
 * @fd:          LM_REG_FLAG_FD: a memfd, also of huge pages, or another file, which is borrowed
 *               until lm_ctx_create() returns; the memory of the region is @size bytes from
 *               @fd_offset on, whole pages. With LM_REG_FLAG_MMAP clients get the descriptor, and
 *               so the whole file, and keep it when they leave. It is neither cleared nor part of a
 *               saved state. Seal it against shrinking: a client could truncate it, and end the
 *               process. Not with LM_DEV_MDEV (since 0.2)
 * @io:          as @fn, for a callback that serves several regions or wants the context; returns
 *               what @fn does (since 0.2)
 * @name:        for regions in lm_dev_info_t.extra_regs, which PCI does not name: [a-z0-9_-], 1 to
 *               63 of them, the first a letter, unique in the device; what musctl calls it. NULL:
 *               region0, region1, ... by its index (since 0.2)
 *
 * LM_CFG_REG_IDX: leave all zero; the library serves configuration space. An @fn or @io there is
 * called for bytes that the header and capabilities do not own; or @regs has registers among these
 * bytes, which are accessed by any width (min_width and max_width are 0), with what is beside them.
 * lm_config_read() and lm_config_write() do not see them, lm_register_get() does (since 0.2).
 */
typedef struct {
	uint32_t                 flags;
	uint32_t                 type;
	uint64_t                 size;
	lm_region_access_t      *fn;
	lm_map_region_t         *map;
	const lm_register_map_t *regs;
	const lm_mmap_area_t    *mmap_areas;
	const lm_ioeventfd_t    *ioeventfds;
	uint32_t                 nr_mmap_areas;
	uint32_t                 nr_ioeventfds;
	uint32_t                 subtype;
	int                      fd;
	uint64_t                 fd_offset;
	ssize_t                (*io)(void *pvt, const lm_region_io_t *io);
	const char              *name;
	uint64_t                 reserved[3];
} lm_reg_info_t;

/* lm_irq_info_t.flags. Without any it is an edge that the client cannot mask. */
#define LM_IRQ_FLAG_MASKABLE (1u << 0) /* the client may mask it (VFIO_IRQ_INFO_MASKABLE) */
#define LM_IRQ_FLAG_LEVEL    (1u << 1) /* a level: maskable, and masked when it is signalled, until
					* the client unmasks it (VFIO_IRQ_INFO_AUTOMASKED) */

/**
 * struct lm_irq_info - one interrupt of a device that is no PCI device (LM_DEV_PLATFORM)
 * @name:  as lm_reg_info_t.name, unique among the interrupts; NULL: irq0, irq1, ... by its index
 * @count: vectors, at least one; of a level just one. 2048 in all
 * @flags: LM_IRQ_FLAG_*
 */
typedef struct {
	const char *name;
	uint32_t    count;
	uint32_t    flags;
	uint64_t    reserved[2];
} lm_irq_info_t;

/** union lm_pci_hdr_id - vendor and device id (configuration space 00h) */
typedef union {
	uint32_t raw;
	__extension__ struct {
		uint16_t vid;
		uint16_t did;
	};
} lm_pci_hdr_id_t;

/** union lm_pci_hdr_ss - subsystem vendor id and subsystem id (2Ch) */
typedef union {
	uint32_t raw;
	__extension__ struct {
		uint16_t vid;
		uint16_t sid;
	};
} lm_pci_hdr_ss_t;

/** struct lm_pci_hdr_cc - class code (09h); all zero means FFh, "does not fit any class",
 * because Linux ignores a device of class 0 */
typedef struct {
	uint8_t pi;  /* programming interface */
	uint8_t scc; /* subclass */
	uint8_t bcc; /* base class */
} lm_pci_hdr_cc_t;

/**
 * struct lm_pci_info - PCI identity, regions, interrupts
 * @irq_count: vectors by LM_DEV_*_IRQ_IDX. INTx: 0 or 1 (pin A). MSI: 0 or a power of two <= 32;
 *             adds an MSI capability if @caps has none. MSI-X: <= 2048, needs an MSI-X capability
 *             in caps. ERR and REQ: one each, unless LM_DEV_NO_ERR_REQ and 0
 */
typedef struct {
	uint32_t        irq_count[LM_DEV_NUM_IRQS];
	lm_reg_info_t   reg_info[LM_DEV_NUM_REGS];
	lm_pci_hdr_id_t id;
	lm_pci_hdr_ss_t ss;
	lm_pci_hdr_cc_t cc;
	uint8_t         rev;
	uint8_t         intx_pin; /* 0: A; 1 .. 4: A .. D */
	uint8_t         reserved[31];
} lm_pci_info_t;

/**
 * typedef lm_cap_access_t - access to the body of a capability
 * @pvt: lm_dev_info_t.pvt
 * @id:  the capability
 * @buf, @count, @offset, @is_write: as for lm_region_access_t; @offset counts from the start of
 *       the capability. For a write the library has already stored what is writable.
 *
 * Return: @count or a negative errno, as for lm_region_access_t.
 */
typedef ssize_t (lm_cap_access_t)(void *pvt, uint8_t id, char *buf, size_t count, lm_off_t offset,
				  bool is_write);

/**
 * struct lm_vpd_field - one keyword of vital product data
 * @keyword: two characters: "PN" part number, "SN" serial number, "EC" engineering change, "MN"
 *           manufacturer, "V0" .. "VZ" the vendor's own; those that guests write begin with "V" or
 *           "Y". "RV" and "RW" are the library's
 * @value:   text, at most 255 bytes; NULL: empty
 * @room:    0: read-only; else so many bytes that guests can write, @value and spaces at first
 */
typedef struct {
	const char *keyword;
	const char *value;
	uint32_t    room;
	uint32_t    reserved;
} lm_vpd_field_t;

/**
 * struct lm_vpd - vital product data (PCI_CAP_ID_VPD): what inventories read of a card
 * @name:      of the product
 * @fields:    @nr_fields of them, from which the library lays out the data, with its checksum
 * @data:      instead of all that: the data, @size bytes, as PCI Local Bus 3.0, appendix I, has
 *             them: resources up to the end tag (78h). Guests can write what the resource 91h has
 * @written:   a guest has written @len bytes at @offset of the data, which the library has stored;
 *             or NULL. They survive a reset, and are part of a saved state; a device that is to
 *             know them when its process has ended and begins anew writes them to a file here
 */
typedef struct {
	const char           *name;
	const lm_vpd_field_t *fields;
	uint32_t              nr_fields;
	uint32_t              size;
	const void           *data;
	void                (*written)(void *pvt, uint32_t offset, const void *data, uint32_t len);
	uint64_t              reserved[2];
} lm_vpd_t;

/**
 * struct lm_cap - a capability in the list at 34h
 * @id:     PCI_CAP_ID_* of <linux/pci_regs.h>: PM, EXP, MSI, MSI-X, VPD and VNDR get the register
 *          semantics of the PCI specifications; any other id is @data with @wmask (slot numbering,
 *          PCI_CAP_ID_SLOTID, say: two bytes, slots and chassis)
 * @offset: where it stands, 0: the library chooses (kinds above in the order given)
 * @size:   bytes, header included; 0 for the kinds with a size of their own
 * @fn:     optional: notified of writes, asked for reads
 * @data:   initial bytes from offset 2 on (@size - 2 of them), or NULL: zeros. Of VNDR the first
 *          one is the length, which the library puts there
 * @wmask:  which bits of @data a guest may write, same length, or NULL: none
 * @msix:   where table and pending bits stand: in a memory BAR, which may have registers, a
 *          callback or memory beside them. Accesses to them are the library's
 */
typedef struct {
	uint8_t          id;
	uint8_t          offset;
	size_t           size;
	lm_cap_access_t *fn;
	const void      *data;
	const void      *wmask;
	__extension__ union {
		struct { uint8_t bar; uint32_t table; uint32_t pba; } msix; /* offsets in the BAR */
		struct { bool addr32; bool no_mask; } msi; /* default: 64-bit, maskable */
		/* PCI_EXP_TYPE_*; function level reset; the link, as it is negotiated:
		 * PCI_EXP_LNKCAP_SLS_*, 0: 2.5 GT/s; 1, 2, 4, 8, 16 or 32 lanes, 0: one */
		struct { uint8_t type; bool flr; uint8_t link_speed; uint8_t link_width; } exp;
		struct { bool soft_reset; } pm; /* from D3hot to D0 is a reset */
		const lm_vpd_t *vpd; /* borrowed by lm_ctx_create(); NULL: as any other id */
		uint64_t reserved[4];
	};
} lm_cap_t;

/** struct lm_doe_type - a kind of data object: its vendor id, and the type that this one gave it */
typedef struct {
	uint16_t vendor;
	uint8_t  type;
	uint8_t  reserved[5];
} lm_doe_type_t;

/**
 * struct lm_doe_request - a data object that a guest has sent
 * @ctx:  the context
 * @doe:  the mailbox, as described
 * @data: what follows its header, @len bytes, a multiple of 4; valid until the callback returns
 * @kind: vendor and type, one of those of the mailbox
 */
typedef struct {
	lm_ctx_t            *ctx;
	const struct lm_doe *doe;
	const void          *data;
	size_t               len;
	lm_doe_type_t        kind;
} lm_doe_request_t;

/**
 * struct lm_doe - a mailbox for data object exchange (PCI_EXT_CAP_ID_DOE)
 * @types:    what it understands, @nr_types of them, 255 at most, beside discovery, which the
 *            library answers
 * @max_size: of an object, either way, header included, in bytes: a multiple of 4 up to 1 MiB;
 *            0: 4096. A longer one is an error
 * @flags:    LM_DOE_*
 * @vector:   LM_DOE_IRQ: of MSI or MSI-X
 * @request:  an object has come. Writes the answer, without a header, into @answer of @room bytes
 *            and returns its length, 0 too; or LM_DEFER after lm_defer(), when lm_complete() gives
 *            length and bytes of it; or a negative errno: the guest sees DOE Error. The header of
 *            an answer has the type of the request
 *
 * The library keeps the state machine of the mailbox. While an answer is deferred it is busy;
 * a guest that aborts, and a reset, forget the object: its token is then unknown (-ENOENT). An
 * object of a type that is not understood, or whose header does not say its length, is an error;
 * so is one that was under way when the process ended. Drivers abort then, and try again.
 *
 * Source: PCI Express Base 6.0, 6.30, 7.9.24.
 */
typedef struct lm_doe {
	const lm_doe_type_t *types;
	uint32_t             nr_types;
	uint32_t             max_size;
	uint32_t             flags;
	uint32_t             vector;
	ssize_t            (*request)(void *pvt, const lm_doe_request_t *request, void *answer,
				      size_t room);
	uint64_t             reserved[2];
} lm_doe_t;

#define LM_DOE_IRQ (1u << 0) /* the guest may ask for interrupts */

/**
 * struct lm_ext_cap - a PCI Express extended capability (from 100h on); needs an EXP capability
 * @id:      PCI_EXT_CAP_ID_*: DSN, ERR (AER), REBAR and DOE get the register semantics of the PCI
 *           specifications; any other id is @data with @wmask: ARI, ATS, PRI, PASID, SR-IOV ... To
 *           the guests of QEMU neither SR-IOV nor ARI is shown
 * @version: 0: the latest that the library knows, 1 of those that it does not
 * @size:    bytes, header included; 0 for the kinds with a size of their own
 * @data:    initial bytes from offset 4 on (@size - 4 of them), or NULL: zeros
 * @wmask:   which bits of @data a guest may write, same length, or NULL: none
 * @dsn:     DSN: the serial number
 * @rebar:   REBAR: which BARs, a bit each: memory BARs of a power of two from 1 MiB on. The size of
 *           a region is known to clients when they connect, and no message changes it: so the one
 *           that it has is the only one offered, and writes of another are dropped, as QEMU drops
 *           them. A device of several sizes has a property that says which (LM_PROP_CREATE)
 * @doe:     DOE: the mailbox, which is kept by reference
 */
typedef struct {
	uint16_t    id;
	uint8_t     version;
	uint8_t     reserved0;
	uint32_t    size;
	const void *data;
	const void *wmask;
	__extension__ union {
		uint64_t        dsn;
		uint64_t        rebar;
		const lm_doe_t *doe;
	};
	uint64_t    reserved[2];
} lm_ext_cap_t;

#define LM_EXT_CAPS(array) .ext_caps = (array), .nr_ext_caps = LM_NR(array), \
			   .ext_cap_size = sizeof((array)[0])

/**
 * struct lm_prop - a property: a wire of the outside world, or an option, by name
 * @name:         [a-z0-9-], 1 to 63 of them; unique in the device, as are name0 .. name(nr-1)
 * @help:         one line
 * @value:        default, as text, or NULL
 * @nr:           0, or how many single properties name0 .. name(nr-1) there are beside it
 * @flags:        LM_PROP_*
 * @accepts:      what lm_dev_info_t.prop_set takes, for people and completion: choices, as
 *                "none|toggle3", or numbers, as "0..0xffff"; or NULL. The library does not check
 *                it. By agreement numbers are decimal, or hexadecimal with 0x; a zero in front
 *                means nothing (since 0.2)
 * @wire_accepts: the same of a single one, name0 .. name(nr-1) (since 0.2)
 * @type:         LM_PROP_CALLS: lm_dev_info_t.prop_get and prop_set know it. Else the value is a
 *                variable, which the library reads and writes, and checks what is written; @accepts
 *                may be left out (since 0.2, and all that follows)
 * @size:         of the variable, in bytes; of text with the 0 at its end, 4095 at most
 * @offset:       where it is in *lm_dev_info_t.pvt (LM_PROP_IN() sets both)
 * @min, @max:    LM_PROP_UINT: what is accepted, both included
 * @choices:      LM_PROP_ENUM: names, the last one NULL; the variable is the index of one
 * @unit:         of a number, for people: "us"; or NULL
 * @changed:      called when musctl has written the variable; or NULL. Not before
 *                lm_dev_info_t.start, which finds what defaults, $MUSER_OPTIONS and -O have set
 */
typedef struct {
	const char *name;
	const char *help;
	const char *value;
	uint32_t    nr;
	uint32_t    flags;
	const char *accepts;
	const char *wire_accepts;
	uint32_t    type;
	uint32_t    size;
	uint64_t    offset;
	uint64_t    min;
	uint64_t    max;
	const char *const *choices;
	const char *unit;
	void      (*changed)(void *pvt);
} lm_prop_t;

/** enum lm_prop_type - what the value of a property is: lm_prop_t.type */
enum lm_prop_type {
	LM_PROP_CALLS, /* no variable */
	LM_PROP_UINT,  /* a number */
	LM_PROP_BOOL,  /* 0 or 1 */
	LM_PROP_ENUM,  /* one of choices */
	LM_PROP_TEXT,  /* an array of characters */
};

#define LM_PROP_IN(type_of_pvt, member) .size = sizeof(((type_of_pvt *)0)->member), \
					.offset = offsetof(type_of_pvt, member)

#define LM_PROP_RO     (1u << 0) /* can be read only */
#define LM_PROP_CREATE (1u << 1) /* can be set at creation only */
#define LM_PROP_HEX    (1u << 2) /* LM_PROP_UINT: shown as 0x... */
#define LM_PROP_BYTES  (1u << 3) /* LM_PROP_UINT: bytes, which K, M, G or T behind it multiplies by
				  * 1024 and its powers */

#define LM_PROPS(array) .props = (array), .nr_props = LM_NR(array), \
			.prop_size = sizeof((array)[0])

/**
 * lm_prop_reject() - say why a property does not take a value
 * @err: what is to be returned: -EINVAL, -EBUSY, ...
 * @fmt: as printf(3): one line that begins in lower case and ends without a full stop; of the text
 *       255 bytes are taken
 *
 * For lm_dev_info_t.prop_set: "return lm_prop_reject(-EINVAL, "no opcode %s", name);". Who has
 * given the value reads this in place of the library's own words for the error.
 *
 * Context: prop_set; elsewhere it has no effect.
 * Return: @err.
 * Since: 0.2
 */
int lm_prop_reject(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/**
 * lm_prop_reason() - what lm_prop_reject() has said last in this thread
 *
 * For programs that call lm_dev_info_t.prop_set themselves. Forgotten before the library calls it.
 *
 * Context: any thread; never blocks.
 * Return: a line of UTF-8, valid until the next one; NULL: there is none.
 * Since: 0.2
 */
const char *lm_prop_reason(void);

/** enum lm_log_level - from what broke to what happened */
enum lm_log_level { LM_LOG_ERR, LM_LOG_WARN, LM_LOG_INFO, LM_LOG_DEBUG };

/**
 * typedef lm_log_t - where messages of the library go
 * @pvt:   lm_dev_info_t.pvt
 * @level: enum lm_log_level
 * @msg:   one line, no newline; valid during the call
 */
typedef void (lm_log_t)(void *pvt, int level, const char *msg);

/* lm_dev_info_t.flags */
#define LM_DEV_LISTEN_FD  (1u << 0) /* fd is a listening socket: accept clients there */
#define LM_DEV_CONN_FD    (1u << 1) /* fd is a connected client; the context ends with it */
#define LM_DEV_NO_CONTROL (1u << 2) /* no directory, no control endpoint: invisible to musctl */
#define LM_DEV_BUSY_POLL  (1u << 3) /* lm_ctx_drive() spins instead of sleeping; every 256th turn
				     * of it, or of lm_ctx_poll(), looks beyond the client at the
				     * latest, and after a millisecond's work for it */
#define LM_DEV_NO_MMAP    (1u << 4) /* trap all accesses, so that a trace sees them */
#define LM_DEV_STRICT_DMA (1u << 5) /* map every DMA window by itself: one mapping for each */
#define LM_DEV_MDEV       (1u << 6) /* serve /dev/muser/<uuid>, a mediated device of muser.ko that
				     * exists, instead of a socket. $MUSER_TRANSPORT=mdev asks for
				     * it as well, if the description names no socket. The process
				     * that creates the context serves it, and no child of it can */
#define LM_DEV_RESTARTABLE (1u << 7) /* all state is in lm_state() (see there), or saved by the
				      * library: another process may go on where this one ends */
#define LM_DEV_THREADS    (1u << 8) /* several threads may be in lm_ctx_drive(), see there */
#define LM_DEV_ALWAYS_MASTER (1u << 9) /* DMA and MSI whatever COMMAND.BusMaster says (see DMA) */
#define LM_DEV_NO_ERR_REQ (1u << 10) /* without the interrupts ERR and REQ, which clients expect */
#define LM_DEV_PLATFORM   (1u << 11) /* not a PCI device, see there */

/**
 * struct lm_dev_info - the description of a device. Everything but pci_info is optional
 *
 * LM_DEV_PLATFORM: the device is what VFIO calls a platform device: regions and interrupts by
 * index, and no configuration space. Its regions are @extra_regs, from index 0 on, its interrupts
 * @irqs; @pci_info is zero, and there are no capabilities. @type says what it is, and whose a saved
 * state is. It may use DMA at once: there is no bus mastering to allow. Only sockets serve it:
 * muser.ko takes PCI devices.
 *
 * @pci_info:    PCI identity, regions, interrupts
 * @reset:       device reset (function reset, machine reset): put state back. Register values that
 *               the library keeps, configuration space and interrupts are already reset.
 *               May return LM_DEFER after lm_defer()
 * @caps:        capabilities; the list ends at the first with id 0; @cap_list goes on
 * @pvt:         handed to every callback
 * @type:        what it is, shown by musctl, such as "gpio-idio16": as @name
 * @name:        NULL: $MUSER_NAME. Which one it is, for musctl, beside the UUID: 1 to 63 bytes of
 *               printable UTF-8 without blanks, not "-", not a UUID; else lm_ctx_create() fails
 *               with EINVAL and says so. Unique by agreement: musctl starts no device of a name
 *               that is taken
 * @uuid:        NULL: $MUSER_UUID, else a random one (LM_DEV_MDEV: there must be one)
 * @socket_path: where clients connect. NULL: fd if flagged, else $MUSER_LISTEN_FD, else
 *               $MUSER_SOCKET_PATH, else <runtime>/<uuid>/vfio-user.sock. The library makes the
 *               socket, and removes it when the context is destroyed
 * @fd:          see LM_DEV_LISTEN_FD and LM_DEV_CONN_FD; consumed by a successful lm_ctx_create().
 *               The file of a listening one stays: who has bound it removes it
 * @flags:       LM_DEV_*
 * @socket_mode: permission bits of the client socket, 0: $MUSER_SOCKET_MODE, else 0600, or 0660
 *               with a group. Whom they admit may pass through the instance directory and the
 *               runtime directory, if the socket is there
 * @log_level:   most detailed level that is passed to @log, LM_LOG_*; without @log: $MUSER_LOG's
 * @log:         NULL: messages go to stderr, a line each, "muser: NAME: MESSAGE" with the name,
 *               UUID or type of the device. $MUSER_LOG says how many: err, warn (the default: what
 *               is broken, and what is strange), info, debug; lm_ctx_create() looks at it
 * @ext_caps:    extended capabilities, @nr_ext_caps of @ext_cap_size bytes
 * @extra_regs:  device-specific regions, indexes from LM_DEV_NUM_REGS on (LM_DEV_PLATFORM: from 0
 *               on), @nr_extra_regs of @extra_reg_size bytes (LM_EXTRA_REGS() sets all three)
 * @props:       properties, @nr_props of @prop_size bytes (LM_PROPS() sets all three)
 * @prop_get:    writes the value of property @name as text into @buf of @size bytes; musctl takes
 *               no value that fills it: 4094 bytes at most. Needed if there are properties that are
 *               no variables, as is @prop_set if one of them can be set
 * @prop_set:    sets it, also for $MUSER_OPTIONS, before @start is called. A value is UTF-8 without
 *               control characters, the library rejects others. -EINVAL: bad value, -ENOENT: no
 *               such property, -EPERM: read-only. lm_prop_reject() says more
 * @client:      a client attached or detached. Who connects is the client when its VERSION is
 *               complete; up to eight may be on their way to that, and the first one wins. Nothing
 *               is reset when it leaves: the next one finds the device as it was. (The client of
 *               LM_DEV_CONN_FD is one from the first lm_ctx_poll() on)
 * @dma_map:     the client gave memory at [@addr, @addr + @len); a mediated device learns of it
 *               when it looks for some there, from inside lm_addr_to_sg()
 * @dma_unmap:   that memory is about to go: finish with it. May return LM_DEFER after lm_defer():
 *               the client's request is then answered when the device completes. Scatter entries
 *               still mapped by lm_map_sg() hold the answer back as well. The memory of a mediated
 *               device is unmapped already: nothing is held back, and pointers show scratch memory
 * @save:        for state that cannot be in lm_state(): writes it into @buf of @size bytes; returns
 *               its length, which may be larger than @size (call again). With @buf NULL: the
 *               length. Needs @load
 * @load:        takes back what @save wrote; a fresh context, not attached. All other state is in
 *               place by now, so it is where timers begin; without @save that is all, and @buf is
 *               NULL
 * @socket_gid:  group of the client socket plus one, 0: $MUSER_SOCKET_GROUP, else the process's own
 * @state_size:  bytes of lm_state() (since 0.2)
 * @state_version: of what is in it, to be raised when that changes: what another version has saved
 *               or left to the next process is refused (since 0.2)
 * @start:       the context exists, and nobody can reach it yet: the place to remember @ctx, to
 *               make timers, and to look at lm_state(). 0, or -errno, which lm_ctx_create() fails
 *               with (since 0.2)
 * @stop:        the last callback, if @start was called and gave 0: the client has been detached,
 *               and lm_ctx_destroy() is about to free @ctx. Threads that use it end here (since
 *               0.2)
 * @cap_list:    capabilities, @nr_caps of @cap_size bytes (LM_CAPS() sets all three; since 0.2)
 * @ctx_offset:  with @has_ctx, where in *@pvt an lm_ctx_t * is, which the library sets before it
 *               calls @start (LM_CTX_IN() sets both; since 0.2)
 * @written:     the client has written to pages [@offset, @offset + @len) of a region that it has
 *               mapped, and lm_mmap_trap() asked for it (since 0.2)
 * @configure:   what its properties make of the device. They are set, and of the rest nothing
 *               was checked or copied yet: @info is the library's own, and what is changed
 *               there counts: regions, interrupts, capabilities, ids, callbacks; @pvt and
 *               properties do not change. Tables may be constant: it is pointed to others, which
 *               live as long as those that they replace would have to. 0, or -errno, which
 *               lm_ctx_create() fails with. Before it only @prop_set, lm_prop_t.changed and @log
 *               are called (since 0.2)
 * @irqs:        LM_DEV_PLATFORM: interrupts, @nr_irqs of @irq_size bytes, indexes from 0 on
 *               (LM_IRQS() sets all three; since 0.2)
 */
typedef struct lm_dev_info {
	lm_pci_info_t        pci_info;
	int                (*reset)(void *pvt);
	lm_cap_t             caps[LM_MAX_CAPS];
	void                *pvt;
	const char          *type;
	const char          *name;
	const char          *uuid;
	const char          *socket_path;
	int                  fd;
	uint32_t             flags;
	uint32_t             socket_mode;
	int                  log_level;
	lm_log_t            *log;
	const lm_ext_cap_t  *ext_caps;
	const lm_reg_info_t *extra_regs;
	const lm_prop_t     *props;
	uint32_t             nr_ext_caps, ext_cap_size;
	uint32_t             nr_extra_regs, extra_reg_size;
	uint32_t             nr_props, prop_size;
	int                (*prop_get)(void *pvt, const char *name, char *buf, size_t size);
	int                (*prop_set)(void *pvt, const char *name, const char *value);
	void               (*client)(void *pvt, bool attached);
	void               (*dma_map)(void *pvt, dma_addr_t addr, uint64_t len);
	int                (*dma_unmap)(void *pvt, dma_addr_t addr, uint64_t len);
	ssize_t            (*save)(void *pvt, void *buf, size_t size);
	int                (*load)(void *pvt, const void *buf, size_t size);
	uint32_t             socket_gid;
	uint32_t             state_version;
	uint64_t             state_size;
	void               (*written)(void *pvt, uint32_t region, uint64_t offset, uint64_t len);
	int                (*start)(void *pvt, lm_ctx_t *ctx);
	void               (*stop)(void *pvt);
	const lm_cap_t      *cap_list;
	uint32_t             nr_caps, cap_size;
	uint64_t             ctx_offset;
	uint32_t             has_ctx, reserved;
	int                (*configure)(void *pvt, struct lm_dev_info *info);
	const lm_irq_info_t *irqs;
	uint32_t             nr_irqs, irq_size;
} lm_dev_info_t;

#define LM_CTX_IN(type_of_pvt, member) .ctx_offset = offsetof(type_of_pvt, member), .has_ctx = 1

#define LM_CAPS(array) .cap_list = (array), .nr_caps = LM_NR(array), .cap_size = sizeof((array)[0])
#define LM_EXTRA_REGS(array) .extra_regs = (array), .nr_extra_regs = LM_NR(array), \
			     .extra_reg_size = sizeof((array)[0])
#define LM_IRQS(array) .irqs = (array), .nr_irqs = LM_NR(array), .irq_size = sizeof((array)[0])

/* ---- life cycle ------------------------------------------------------------------ */

/**
 * lm_ctx_create() - make a device that clients and musctl can reach
 * @dev_info: description, borrowed during the call (register, field and property tables longer)
 *
 * When it returns, a client can connect. An instance directory appears under the runtime directory
 * unless LM_DEV_NO_CONTROL. What it takes from the environment it removes there, so that the next
 * context does not take it as well.
 *
 * A description that cannot work is refused, and each refusal says which region, register,
 * capability or property it is about: it could not be accessed, no BAR or function has it, it lies
 * where clients map memory or MSI-X has its table, a flag is unknown, a reserved member is not 0.
 * What works and is hardly meant is a warning: a register that is not aligned, a callback that is
 * never called, a vendor id of an empty slot.
 *
 * Context: any thread, but no other one may use the environment meanwhile; may block on the file
 *          system.
 * Return: the context, to be freed with lm_ctx_destroy(); or NULL with errno, the cause said as
 *         @dev_info->log wants: EINVAL (description), EEXIST (UUID in use), EADDRINUSE (socket path
 *         in use by a live server), EPERM (the runtime directory is not safe: lm_runtime_dir()),
 *         ENOMEM, or what socket(2), bind(2), mkdir(2) gave. LM_DEV_MDEV:
 *         ENOENT (no such mediated device), EBUSY (another process serves it), ESTALE (it was
 *         served as another device before), EPROTONOSUPPORT (muser.ko of another version), EACCES.
 * Source: the original MUSER API, whose name and argument it has.
 * Since: 0.2
 */
#define lm_ctx_create(dev_info) lm_ctx_create_sized((dev_info), sizeof(*(dev_info)))

/**
 * lm_ctx_create_sized() - what lm_ctx_create() calls
 * @dev_info: description
 * @size:     sizeof(lm_dev_info_t) as the caller was compiled: members beyond are taken as zero
 *
 * Context: as lm_ctx_create().
 * Return: as lm_ctx_create(); EINVAL if @size is smaller than the first released description.
 * Since: 0.2
 */
lm_ctx_t *lm_ctx_create_sized(const lm_dev_info_t *dev_info, size_t size);

/**
 * lm_ctx_drive() - serve the device until lm_ctx_stop()
 * @ctx: the context
 *
 * Clients may come and go. With LM_DEV_CONN_FD it returns when the client leaves, with LM_DEV_MDEV
 * when the mediated device is removed.
 *
 * LM_DEV_THREADS: as many threads as the program likes may be here, and each returns. Accesses that
 * the threads of a mediated device's client make at the same time then call region callbacks (fn,
 * and read and write of register maps) at the same time; the device protects its own state. What a
 * client did before an access (unmapped memory, reset the device, ...) is served before it. All
 * other callbacks run one at a time, but beside those of regions. Requests over a socket are served
 * in their order, by one thread after the other. A region callback may block, and may call, beside
 * what may be called from any thread, the functions of DMA, registers, configuration space, timers,
 * lm_event() and lm_log(). A copy by lm_dma_read() or lm_dma_write() keeps others from these
 * meanwhile; pointers of lm_map_sg() do not. Nothing is deferred: lm_defer() gives 0. A partial
 * write of a register is two callbacks. With LM_DEV_BUSY_POLL it is EINVAL at creation.
 *
 * Context: blocks; not from a callback. LM_DEV_THREADS: any threads, until lm_ctx_destroy().
 * Return: 0 after lm_ctx_stop(); -ENOTCONN: the client of LM_DEV_CONN_FD has left; -ENODEV: the
 *         mediated device was removed; -EIDRM: the device's directory was removed from the runtime
 *         directory, as at the end of a session, so that no tool finds it (noticed within ten
 *         seconds; not with LM_DEV_NO_CONTROL; since 0.2); -ESTALE: the mediated device was served
 *         as another device before; or -errno of epoll_wait(2) or of /dev/muser.
 * Since: 0.2
 */
int lm_ctx_drive(lm_ctx_t *ctx);

/**
 * lm_ctx_poll() - do what there is to do, without sleeping
 * @ctx: the context
 *
 * For programs with their own loop: call it when lm_ctx_fd() is readable, or in a spinning loop.
 * A misbehaving client or control peer cannot make it block.
 *
 * Context: never blocks, but for what callbacks do; not from a callback.
 * Return: how many sources were served; 0 if nothing was there (LM_DEV_THREADS: or another thread
 *         is about to serve it); -ESHUTDOWN after lm_ctx_stop(); -ENOTCONN, -ENODEV and
 *         -EIDRM as lm_ctx_drive().
 * Since: 0.2
 */
int lm_ctx_poll(lm_ctx_t *ctx);

/**
 * lm_main() - the main function of a program that is a device
 * @argc, @argv: of main()
 * @dev_info:    description, borrowed
 *
 * Does what the specification of vfio-user asks of such a program ("Backend Program Conventions"),
 * and what musctl does for its own devices: takes --socket-path, --fd, -O KEY=VALUE for properties,
 * --uuid, --name, --mode, --group, --no-mmap and --help, sets the defaults of properties, makes the
 * device, prints its UUID on standard output once a client can connect, and serves it until SIGINT,
 * SIGTERM, or the end of the client of --fd. It raises the limit of descriptors, calls
 * lm_sigbus_guard(), ignores SIGPIPE, and does not go to the background. What the command line says
 * goes before what @dev_info says, and both before the environment (see libmuser(3)); of properties
 * the value is the default, unless $MUSER_OPTIONS has one, unless -O has one. The device gets its
 * context by lm_dev_info_t.start.
 *
 * Context: the main thread, once.
 * Return: what main() returns: 0; 1: it failed, standard error says why; 2: the command line is
 *         wrong.
 * Since: 0.2
 */
#define lm_main(argc, argv, dev_info) \
	lm_main_sized((argc), (argv), (dev_info), sizeof(*(dev_info)))

/**
 * lm_main_sized() - what lm_main() calls
 * @argc, @argv, @dev_info: as lm_main()
 * @size: sizeof(lm_dev_info_t) as the caller was compiled
 *
 * Context: as lm_main().
 * Return: as lm_main().
 * Since: 0.2
 */
int lm_main_sized(int argc, char **argv, const lm_dev_info_t *dev_info, size_t size);

/**
 * lm_ctx_fd() - a descriptor that is readable when lm_ctx_poll() has work
 * @ctx: the context
 *
 * Context: any.
 * Return: the descriptor, owned by the context, the same for its whole life.
 * Since: 0.2
 */
int lm_ctx_fd(const lm_ctx_t *ctx);

/**
 * lm_ctx_stop() - make lm_ctx_drive() return
 * @ctx: the context
 *
 * Context: any thread, a callback, or a signal handler.
 * Since: 0.2
 */
void lm_ctx_stop(lm_ctx_t *ctx);

/**
 * lm_ctx_destroy() - free a context; its client is disconnected, its directory removed
 * @ctx: the context, or NULL
 *
 * Context: the thread that serves it; not from a callback.
 * Since: 0.2
 */
void lm_ctx_destroy(lm_ctx_t *ctx);

/**
 * lm_ctx_uuid() - the UUID of the device, 36 characters, lower case
 * @ctx: the context
 *
 * Context: any thread.
 * Return: a string that lives as long as the context.
 * Since: 0.2
 */
const char *lm_ctx_uuid(const lm_ctx_t *ctx);

/**
 * lm_ctx_socket() - where clients connect
 * @ctx: the context
 *
 * Context: any thread.
 * Return: the path, from the root, as long as the context lives; NULL if it serves a mediated
 *         device, or an inherited descriptor: a connection, or a listening socket that was not
 *         bound to a path from the root.
 * Since: 0.2
 */
const char *lm_ctx_socket(const lm_ctx_t *ctx);

/**
 * lm_ctx_pvt() - lm_dev_info_t.pvt
 * @ctx: the context
 *
 * Context: any thread.
 * Return: the pointer.
 * Since: 0.2
 */
void *lm_ctx_pvt(const lm_ctx_t *ctx);

/**
 * lm_version() - the version of the library that is loaded
 *
 * Context: any.
 * Return: "MAJOR.MINOR.PATCH".
 * Since: 0.2
 */
const char *lm_version(void);

/**
 * lm_log() - say something through the context's log callback, or on stderr (lm_dev_info_t.log)
 * @ctx:   the context
 * @level: enum lm_log_level
 * @fmt:   as printf(3); one line, no newline; cut after 500 bytes
 *
 * Context: the thread that serves the context.
 * Since: 0.2
 */
void lm_log(lm_ctx_t *ctx, int level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/**
 * lm_event() - notify listeners (musctl wait, musctl trace) of an event
 * @ctx:   the context
 * @name:  [a-z0-9-]+, at most 16 characters; copied
 * @value: any number that goes with it
 *
 * Context: the thread that serves the context; never blocks.
 * Return: 0, -EINVAL for a bad name.
 * Since: 0.2
 */
int lm_event(lm_ctx_t *ctx, const char *name, uint64_t value);

/**
 * lm_note() - write a note into the trace, between the accesses that musctl trace shows
 * @ctx: the context
 * @fmt: as printf(3); of the text 128 bytes are taken. A record has 32 of them: more take several,
 *       which musctl shows as one
 *
 * Without anybody who traces it costs a look at that.
 *
 * Context: any thread; never blocks.
 * Since: 0.2
 */
void lm_note(lm_ctx_t *ctx, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/**
 * lm_is_traced() - would a note be read?
 * @ctx: the context
 *
 * For notes whose text takes work before lm_note() is called.
 *
 * Context: any thread; never blocks.
 * Return: somebody traces notes now.
 * Since: 0.2
 */
bool lm_is_traced(const lm_ctx_t *ctx);

/* ---- interrupts ------------------------------------------------------------------ */

/* What became of an interrupt. */
#define LM_IRQ_DELIVERED 0 /* the client's eventfd was written */
#define LM_IRQ_PENDING   1 /* masked: it is delivered when unmasked, once there is an eventfd */

/**
 * lm_irq_trigger() - raise an interrupt
 * @ctx:      the context
 * @subindex: vector, from 0
 *
 * Uses what the guest has enabled: MSI-X, else MSI, else INTx. If configuration space enables
 * neither MSI-X nor MSI: the first of the three for which the client has assigned eventfds, as
 * some clients never write the enable bits. For INTx it is one edge: a device with a level uses
 * lm_irq_set_level(). Honours the MSI-X function and vector masks, the MSI mask
 * register, COMMAND.InterruptDisable, and masking by the client.
 *
 * LM_DEV_PLATFORM: @subindex counts the vectors of all interrupts, in the order of the table: where
 * each has one, it is the index.
 *
 * Context: any thread; one write(2) to an eventfd, or one ioctl(2) of a mediated device. It does
 *          not block, with one exception: a malicious client that assigned a non-blocking eventfd
 *          over a socket, then made it blocking and filled its counter. No write(2) is immune to
 *          that; what is, an aio completion, takes three times as long for each interrupt. Serve
 *          clients that you do not trust from a process of their own, which a signal ends whose
 *          handler was installed without SA_RESTART, or that has none.
 * Return: LM_IRQ_DELIVERED; LM_IRQ_PENDING; -EINVAL: no such vector; -ENOTCONN: the client has
 *         assigned no eventfd (the interrupt is lost, as with hardware whose interrupts are off);
 *         -EHOSTUNREACH: an MSI or MSI-X message, and bus mastering is off (it is lost as well;
 *         what was pending before stays pending).
 * Source: PCI Local Bus 3.0, 6.2.2, 6.2.4, 6.8; VFIO_DEVICE_SET_IRQS in <linux/vfio.h>.
 * Since: 0.2
 */
int lm_irq_trigger(lm_ctx_t *ctx, uint32_t subindex);

/**
 * lm_irq_trigger_index() - raise an interrupt of a given kind
 * @ctx:      the context
 * @index:    LM_DEV_*_IRQ_IDX; ERR notifies the client of a fatal error, REQ asks it to let go.
 *            LM_DEV_PLATFORM: index in the table of interrupts
 * @subindex: vector of it, from 0
 *
 * Context: as lm_irq_trigger().
 * Return: as lm_irq_trigger().
 * Since: 0.2
 */
int lm_irq_trigger_index(lm_ctx_t *ctx, uint32_t index, uint32_t subindex);

/**
 * lm_irq_set_level() - drive the INTx line
 * @ctx:   the context
 * @level: true: asserted
 *
 * STATUS.Interrupt follows. A rising level signals the client once; if the line is still asserted
 * when the client unmasks (its EOI), it is signalled again. Both are rows of a trace, and so is a
 * line that is let go.
 *
 * Context: any thread; never blocks.
 * Return: LM_IRQ_DELIVERED (also: nothing to do), LM_IRQ_PENDING, -EINVAL: the device has no INTx,
 *         -ENOTCONN: no eventfd (the level is remembered).
 * Since: 0.2
 */
int lm_irq_set_level(lm_ctx_t *ctx, bool level);

/**
 * lm_irq_assert() - assert or deassert a cause of interrupts, whichever kind the guest uses
 * @ctx:      the context
 * @cause:    number of the vector that it has
 * @asserted: true: it is there; false: the driver has acknowledged it
 *
 * While the guest uses INTx, the line is asserted as long as any cause is, as by
 * lm_irq_set_level(). While it uses MSI or MSI-X, a cause that is asserted sends its vector once,
 * as lm_irq_trigger() would; where the guest has enabled fewer messages of MSI than the device
 * has, the low bits of @cause say which. So a device does not ask which kind it is.
 * STATUS.Interrupt shows whether there is a cause, with any kind. A trace shows what was sent and
 * that the line is let go, and no row where nothing changes. Causes are part of a saved state; a
 * reset of the device deasserts all. A device uses these, or lm_irq_trigger() and
 * lm_irq_set_level().
 *
 * LM_DEV_PLATFORM: @cause is counted as @subindex of lm_irq_trigger() is. A level is asserted as
 * long as its cause is; of any other interrupt a cause that is asserted sends it once.
 *
 * Context: as lm_irq_trigger().
 * Return: LM_IRQ_DELIVERED (also: nothing to do); else as lm_irq_trigger(); -EINVAL: no kind has so
 *         many vectors; -ENOMEM.
 * Since: 0.2
 */
int lm_irq_assert(lm_ctx_t *ctx, uint32_t cause, bool asserted);

/**
 * lm_irq_enabled() - which kind of interrupt the guest uses
 * @ctx:     the context
 * @vectors: out: how many of them it has enabled; or NULL
 *
 * Context: any thread.
 * Return: LM_DEV_*_IRQ_IDX, what lm_irq_trigger() would choose for vector 0. LM_DEV_PLATFORM: 0,
 *         and as @vectors all that lm_irq_trigger() can raise.
 * Since: 0.2
 */
uint32_t lm_irq_enabled(lm_ctx_t *ctx, uint32_t *vectors);

/* ---- DMA ------------------------------------------------------------------------- */

/*
 * Bus mastering. A guest that clears COMMAND.BusMaster, or resets the device, forbids it to reach
 * memory: until the bit is set again, lookups and copies fail with -EHOSTUNREACH, transfers that
 * have not ended do so as well, and MSI and MSI-X messages are lost. INTx is not affected. Pointers
 * that lm_map_sg() gave out before stay valid: the device leaves them alone. Each refusal is a row
 * of musctl trace.
 *
 * The bit counts from the client's first write to COMMAND on, until the client disconnects: clients
 * that never touch configuration space, such as simulators, are served without. musctl poke is not
 * the client, and neither is lm_config_write(). Both change the bit.
 *
 * LM_DEV_PLATFORM: there is no such bit, and nothing forbids the device its client's memory.
 */

/**
 * lm_is_master() - may the device reach memory?
 * @ctx: the context
 *
 * For a device that keeps pointers to memory, and leaves them alone while it may not.
 *
 * Context: the thread that serves the context.
 * Return: false: the guest has bus mastering off, and the bit counts.
 * Since: 0.2
 */
bool lm_is_master(const lm_ctx_t *ctx);

/** struct dma_sg - a piece of client memory inside one DMA region. Filled by lm_addr_to_sg();
 * its members belong to the library. Valid until that region is unmapped (afterwards the
 * functions below answer -ESTALE: look again; a mediated device does not know where its client's
 * regions end, so that it may happen when memory next to it is unmapped). */
typedef struct {
	dma_addr_t dma_addr;
	uint64_t   length;
	void      *region;
	uint64_t   generation;
	uint64_t   reserved;
} dma_sg_t;

/**
 * lm_addr_to_sg() - find client memory
 * @ctx:      the context
 * @dma_addr: first address
 * @len:      bytes
 * @sg:       array of @max_sg entries, filled
 * @max_sg:   room in @sg
 *
 * lm_dma_read_at(), lm_dma_write_at() and lm_dma_hold() are easier to use. A range over several
 * adjacent regions takes one entry each. For a mediated device, memory that is used for the first
 * time is pinned now, by a system call. A lookup that fails is a row of musctl trace.
 *
 * Context: the thread that serves the context; never waits for the client.
 * Return: number of entries filled; -ENOENT: some of the range is not mapped; if @max_sg is too
 *         small, minus the number needed, minus one (-2: one entry is needed), as in the
 *         original MUSER API; -EINVAL: @len is 0 or the range wraps; -EHOSTUNREACH: bus
 *         mastering is off.
 * Since: 0.2
 */
int lm_addr_to_sg(lm_ctx_t *ctx, dma_addr_t dma_addr, uint32_t len, dma_sg_t *sg, int max_sg);

/**
 * lm_map_sg() - get pointers to client memory
 * @ctx:  the context
 * @prot: PROT_READ, PROT_WRITE or both: what the device will do with it
 * @sg:   entries, @cnt of them
 * @iov:  array of @cnt, filled
 * @cnt:  entries
 *
 * Each entry is held until lm_unmap_sg(); the region stays mapped so long. All or none.
 *
 * Over muser.ko, system calls that refer to pages (O_DIRECT, vmsplice(2), registered buffers) fail
 * with EFAULT for these pointers, unless root allows them and the client's memory is shared: see
 * muser(4). Be ready to copy.
 *
 * Context: the thread that serves the context; never blocks.
 * Return: 0; -EACCES: the client did not allow @prot; -EOPNOTSUPP: this memory cannot be mapped
 *         (use lm_dma_read() and lm_dma_write(), which always work); -ESTALE: unmapped meanwhile,
 *         or being unmapped; -EHOSTUNREACH: bus mastering is off.
 * Since: 0.2
 */
int lm_map_sg(lm_ctx_t *ctx, int prot, const dma_sg_t *sg, struct iovec *iov, int cnt);

/**
 * lm_unmap_sg() - give up pointers from lm_map_sg()
 * @ctx: the context
 * @sg:  the same entries
 * @iov: what lm_map_sg() filled
 * @cnt: entries
 *
 * Context: the thread that serves the context.
 * Since: 0.2
 */
void lm_unmap_sg(lm_ctx_t *ctx, const dma_sg_t *sg, struct iovec *iov, int cnt);

/**
 * lm_dma_read() - copy from client memory
 * @ctx:  the context
 * @sg:   one entry
 * @data: where to, sg->length bytes
 *
 * Works for every kind of memory: mapped, reached through its file, or by messages to the client.
 *
 * By messages it waits, and so does all else that the thread serves: for two seconds at most,
 * whatever the length. Slow copies share these two seconds: what each takes beyond ten milliseconds
 * and ten nanoseconds a byte adds up, and is forgotten at a fifth of the speed, within ten seconds.
 * When a client has let that time pass, such copies of the device fail at once for ten seconds,
 * also those of a client that comes instead; asynchronous ones, for which no call waits, do not.
 * While one waits, @done of others may be called, and may copy and wait within the same time.
 *
 * Context: the thread that serves the context; by messages it blocks until the client replies.
 * Return: 0; -EACCES; -ESTALE; -EFAULT: the memory is lost (file truncated); -EDEADLK: it takes
 *         messages and the client is waiting for us (use lm_dma_read_async()), or eight copies
 *         wait inside each other already; -EHOSTUNREACH: bus mastering is off; -ENOTCONN;
 *         -ETIMEDOUT: the client is silent or slow, or was lately; -ESHUTDOWN: lm_ctx_stop() was
 *         called, and it would have to wait; -ENOMEM; -EIO or what the client answered.
 * Since: 0.2
 */
int lm_dma_read(lm_ctx_t *ctx, const dma_sg_t *sg, void *data);

/**
 * lm_dma_write() - copy to client memory
 * @ctx:  the context
 * @sg:   one entry
 * @data: where from, sg->length bytes
 *
 * Context: as lm_dma_read().
 * Return: as lm_dma_read().
 * Since: 0.2
 */
int lm_dma_write(lm_ctx_t *ctx, const dma_sg_t *sg, const void *data);

/**
 * typedef lm_dma_done_t - an asynchronous copy has ended
 * @arg:    as given
 * @result: 0 or -errno as lm_dma_read(); -ECANCELED: the client disconnected
 */
typedef void (lm_dma_done_t)(void *arg, int result);

/**
 * lm_dma_read_async() - copy from client memory without waiting
 * @ctx:  the context
 * @sg:   one entry, copied
 * @data: where to, sg->length bytes; must stay valid until @done
 * @done: called exactly once if 0 was returned: before the function returns if the memory can be
 *        reached directly, else from lm_ctx_poll()
 * @arg:  for @done
 *
 * Context: the thread that serves the context; never blocks. Also from callbacks.
 * Return: 0; -EACCES; -ESTALE; -EHOSTUNREACH; -ENOTCONN; -ENOMEM: then @done is not called.
 * Since: 0.2
 */
int lm_dma_read_async(lm_ctx_t *ctx, const dma_sg_t *sg, void *data, lm_dma_done_t *done,
		      void *arg);

/**
 * lm_dma_write_async() - copy to client memory without waiting
 * @ctx, @sg, @data, @done, @arg: as lm_dma_read_async(); @data must stay valid until @done
 *
 * Context: as lm_dma_read_async().
 * Return: as lm_dma_read_async().
 * Since: 0.2
 */
int lm_dma_write_async(lm_ctx_t *ctx, const dma_sg_t *sg, const void *data, lm_dma_done_t *done,
		       void *arg);

/**
 * lm_dma_read_at() - copy from client memory, by address
 * @ctx:  the context
 * @addr: first address
 * @data: where to, @len bytes
 * @len:  bytes, over as many windows as there are; 0: nothing is done
 *
 * All of the range is looked up before anything is copied: a part that nobody mapped is an error
 * and no copy. Other errors may come when a part was copied.
 *
 * Context: as lm_dma_read().
 * Return: as lm_dma_read(); -ENOENT: some of the range is not mapped; -EINVAL: it wraps.
 * Since: 0.2
 */
int lm_dma_read_at(lm_ctx_t *ctx, dma_addr_t addr, void *data, uint64_t len);

/**
 * lm_dma_write_at() - copy to client memory, by address
 * @ctx, @addr, @len: as lm_dma_read_at()
 * @data: where from, @len bytes
 *
 * In which order the bytes of one call become visible is not said: a driver that polls for the end
 * of it waits for what lm_dma_store() writes afterwards.
 *
 * Context: as lm_dma_read_at().
 * Return: as lm_dma_read_at().
 * Since: 0.2
 */
int lm_dma_write_at(lm_ctx_t *ctx, dma_addr_t addr, const void *data, uint64_t len);

/**
 * lm_dma_read_at_async() - copy from client memory, by address, without waiting
 * @ctx:  the context
 * @addr: first address
 * @data: where to, and how many bytes; the structure is copied, the bytes must stay until @done
 * @done: called exactly once if 0 was returned, when all of it has ended, with the first error:
 *        maybe before the function returns, as lm_dma_read_async()
 * @arg:  for @done
 *
 * Context: as lm_dma_read_async().
 * Return: as lm_dma_read_async(); -ENOENT: some of the range is not mapped; -EINVAL: it wraps.
 * Since: 0.2
 */
int lm_dma_read_at_async(lm_ctx_t *ctx, dma_addr_t addr, const struct iovec *data,
			 lm_dma_done_t *done, void *arg);

/**
 * lm_dma_write_at_async() - copy to client memory, by address, without waiting
 * @ctx, @addr, @data, @done, @arg: as lm_dma_read_at_async(); @data: where from
 *
 * Context: as lm_dma_read_at_async().
 * Return: as lm_dma_read_at_async().
 * Since: 0.2
 */
int lm_dma_write_at_async(lm_ctx_t *ctx, dma_addr_t addr, const struct iovec *data,
			  lm_dma_done_t *done, void *arg);

/**
 * lm_dma_store() - publish one value in client memory
 * @ctx:   the context
 * @addr:  a multiple of @width
 * @width: 1, 2, 4 or 8 bytes
 * @value: in host order; what does not fit is dropped
 *
 * For the flag behind a payload: the phase bit of a completion, the index of a ring. Who sees it
 * sees all that this thread wrote before through pointers, lm_dma_write_at() and lm_dma_write().
 * Memory that is mapped changes at once, unless the client gave a window a place in its file that
 * is not aligned as the address is. Memory that is reached through its file (see
 * lm_sigbus_guard()) is written by one pwrite(2), and memory without a file by the client.
 * Asynchronous copies by message that have not ended are not waited for.
 *
 * Context: as lm_dma_read().
 * Return: as lm_dma_read(); -ENOENT: not mapped; -EINVAL: width, alignment, or over two windows.
 * Since: 0.2
 */
int lm_dma_store(lm_ctx_t *ctx, dma_addr_t addr, unsigned int width, uint64_t value);

/**
 * lm_dma_load() - look at one value in client memory
 * @ctx:   the context
 * @addr:  a multiple of @width
 * @width: 1, 2, 4 or 8 bytes
 * @value: out: in host order
 *
 * The other end of a flag: what this thread reads afterwards is no older than @value. At once as
 * lm_dma_store().
 *
 * Context: as lm_dma_read().
 * Return: as lm_dma_store(); @value is undefined then.
 * Since: 0.2
 */
int lm_dma_load(lm_ctx_t *ctx, dma_addr_t addr, unsigned int width, uint64_t *value);

/**
 * struct lm_dma_hold - pointers to a range of client memory
 * @sg:     room for @max entries, the caller's
 * @iov:    room for @max; filled: the pieces of the range in order, @nr of them
 * @max:    how many; a range needs one for each window that it touches
 * @nr:     out: how many there are; 0: nothing is held
 * @needed: out: how many the range needs; 0: it was not looked up whole
 */
typedef struct {
	dma_sg_t     *sg;
	struct iovec *iov;
	uint32_t      max;
	uint32_t      nr;
	uint32_t      needed;
	uint32_t      reserved;
} lm_dma_hold_t;

/**
 * lm_dma_hold() - get pointers to client memory, by address
 * @ctx:  the context
 * @prot: as lm_map_sg()
 * @addr: first address
 * @len:  bytes
 * @hold: @sg, @iov and @max are the caller's, the rest is filled
 *
 * lm_addr_to_sg() and lm_map_sg() in one, with which it has all else in common.
 *
 * Context: as lm_map_sg().
 * Return: 0; -ENOSPC: hold->needed are more than hold->max; -ENOENT: some of the range is not
 *         mapped; -EINVAL: @len is 0 or the range wraps; else as lm_map_sg(). Only with 0 anything
 *         is held.
 * Since: 0.2
 */
int lm_dma_hold(lm_ctx_t *ctx, int prot, dma_addr_t addr, uint64_t len, lm_dma_hold_t *hold);

/**
 * lm_dma_release() - give up pointers from lm_dma_hold()
 * @ctx:  the context
 * @hold: what it filled; its nr is 0 afterwards, when nothing is done
 *
 * Context: the thread that serves the context.
 * Since: 0.2
 */
void lm_dma_release(lm_ctx_t *ctx, lm_dma_hold_t *hold);

/**
 * lm_sigbus_guard() - survive a client that truncates the memory it shared
 *
 * Installs a process-wide SIGBUS handler that puts a scratch page in place of a vanished one and
 * marks the DMA region broken; a file from which many pages vanish is replaced as a whole. Faults
 * elsewhere go to the previous handler. Without the guard, files that are not sealed against
 * shrinking are reached by pread(2) and pwrite(2), and lm_map_sg() answers -EOPNOTSUPP for them.
 *
 * Context: once, before contexts are created.
 * Return: 0 or -errno of sigaction(2).
 * Since: 0.2
 */
int lm_sigbus_guard(void);

/* ---- device memory and registers ------------------------------------------------- */

/**
 * lm_mmap() - the memory behind a region
 * @ctx:    the context
 * @region: index of a region with LM_REG_FLAG_MMAP, or without callback and register map
 * @offset: in the region
 * @length: bytes, inside the region
 *
 * The same memory that clients map; it outlives no context. Zeroed at creation, and sparse: it
 * costs what was used of it, and a region may be larger than all memory.
 *
 * A client on a socket may keep a mapping when it leaves. If it was given one, the memory is
 * replaced when the next client connects, before lm_dev_info_t.client is called: the contents
 * move, addresses stay. The kernel, where the device has registered buffers there (io_uring), has
 * the old memory then: @client registers them again. A thread of the device's own that writes in
 * that moment may lose what it writes.
 *
 * With LM_DEV_MDEV it is memory of muser.ko: system calls that take references to pages (O_DIRECT,
 * vmsplice, io_uring's registered buffers) fail there with EFAULT, and a child that is forked does
 * not have it. See muser(4).
 *
 * Context: the thread that serves the context.
 * Return: the address, valid as long as the context; or NULL with errno EINVAL.
 * Since: 0.2
 */
void *lm_mmap(lm_ctx_t *ctx, uint32_t region, uint64_t offset, size_t length);

/**
 * lm_mmap_trap() - be notified of writes to mapped device memory
 * @ctx:    the context
 * @region: index of a region with LM_REG_FLAG_MMAP
 * @offset: in the region, whole pages
 * @length: bytes, whole pages inside the region
 * @on:     true: notify of writes to these pages; false: no longer
 *
 * lm_dev_info_t.written is called from lm_ctx_poll() once for the first write of a client to a
 * page, however many follow until then; writes after the call are reported by the next one. Which
 * bytes were written is not known. Unmaps of client memory that came before the write are served
 * before it is notified: addresses that are found in the memory can be used. What a client asks for
 * after a write, such as a register, is served after the device was notified, but for an unmap that
 * comes at the same time: then that goes first. A device that polls mapped memory instead calls
 * lm_ctx_poll() between what it finds and its use.
 * Only muser.ko notices such writes (LM_DEV_MDEV); a device that is to work on sockets as well
 * keeps those pages out of mmap_areas, or polls them.
 *
 * Context: the thread that serves the context.
 * Return: 0; -EINVAL: no such pages, or the description has no @written; -EOPNOTSUPP: a socket;
 *         -ENOMEM.
 * Since: 0.2
 */
int lm_mmap_trap(lm_ctx_t *ctx, uint32_t region, uint64_t offset, size_t length, bool on);

/**
 * lm_cap_find() - where a capability stands
 * @ctx:      the context
 * @id:       PCI_CAP_ID_* or PCI_EXT_CAP_ID_*
 * @extended: true: among the extended ones
 * @nth:      which of those of this id, from 0
 *
 * Context: any thread.
 * Return: its offset in configuration space; 0: there is none.
 * Since: 0.2
 */
uint32_t lm_cap_find(const lm_ctx_t *ctx, uint16_t id, bool extended, uint32_t nth);

/** enum lm_reset_reason - who has asked for a reset */
enum lm_reset_reason {
	LM_RESET_NONE,    /* there was none */
	LM_RESET_CLIENT,  /* the client: VFIO_USER_DEVICE_RESET, a machine that restarts */
	LM_RESET_FLR,     /* the guest: function level reset */
	LM_RESET_PM,      /* the guest: from D3hot to D0 (lm_cap_t.pm) */
	LM_RESET_CONTROL, /* musctl */
	LM_RESET_LOAD,    /* the library: a saved state was not taken (lm_ctx_load()) */
};

/**
 * lm_reset_reason() - why the device was reset last
 * @ctx: the context
 *
 * In lm_dev_info_t.reset: why it is being reset.
 *
 * Context: the thread that serves the context.
 * Return: enum lm_reset_reason.
 * Since: 0.2
 */
uint32_t lm_reset_reason(const lm_ctx_t *ctx);

/**
 * lm_session() - which client this is
 * @ctx: the context
 *
 * Counts the clients that were there: work that was begun for one of them, and ends when there is
 * another number, is late. It changes before lm_dev_info_t.client hears of a new client.
 *
 * Context: the thread that serves the context.
 * Return: the number of the client, from 1 on, or of the last one; 0: there was none.
 * Since: 0.2
 */
uint64_t lm_session(const lm_ctx_t *ctx);

/**
 * lm_register_get() - value of a register that the library keeps
 * @ctx:    the context
 * @region: region index
 * @offset: of the register, exactly
 *
 * Context: the thread that serves the context.
 * Return: the value; 0 if there is no such register.
 * Since: 0.2
 */
uint64_t lm_register_get(const lm_ctx_t *ctx, uint32_t region, uint64_t offset);

/**
 * lm_register_set() - change a register that the library keeps, whatever its access kind
 * @ctx:    the context
 * @region: region index
 * @offset: of the register, exactly
 * @value:  new value; bits beyond its width are dropped
 *
 * It wins over a write of the guest to this register that is being done (lm_register_map_t.write).
 *
 * Context: the thread that serves the context.
 * Return: 0, -ENOENT: no such register.
 * Since: 0.2
 */
int lm_register_set(lm_ctx_t *ctx, uint32_t region, uint64_t offset, uint64_t value);

/**
 * lm_config_read() - look at configuration space
 * @ctx:    the context
 * @offset: in configuration space
 * @buf:    where to
 * @len:    bytes
 *
 * Context: the thread that serves the context.
 * Return: 0, -EINVAL: out of range, as all of it is with LM_DEV_PLATFORM.
 * Since: 0.2
 */
int lm_config_read(const lm_ctx_t *ctx, uint32_t offset, void *buf, size_t len);

/**
 * lm_config_write() - change configuration space as the device, not as a guest
 * @ctx:    the context
 * @offset: in configuration space
 * @buf:    new bytes; read-only bits change too, no side effect follows
 * @len:    bytes
 *
 * A function reset puts back what guests can change; the other bits stay as set here.
 *
 * Context: the thread that serves the context.
 * Return: 0, -EINVAL: out of range (LM_DEV_PLATFORM: always), -ENOMEM: the first use of extended
 *         space.
 * Since: 0.2
 */
int lm_config_write(lm_ctx_t *ctx, uint32_t offset, const void *buf, size_t len);

/* ---- answering later ------------------------------------------------------------- */

/** typedef lm_token_t - a request that waits for the device; never 0 */
typedef uint64_t lm_token_t;

/* Returned by a callback that has called lm_defer(). Outside the range of errno values. */
#define LM_DEFER (-4096)

/**
 * lm_defer() - defer the answer to the request whose callback is running
 * @ctx: the context
 *
 * A callback with a return value then returns LM_DEFER; a register map's read or write just
 * returns. Later requests of the same client wait: answers keep the order of the requests.
 *
 * A posted write has no answer to defer: the token is 0, LM_DEFER is accepted, lm_complete() of
 * it does nothing, and later requests are served at once. So a device reports by a status register
 * when work that a write began is done, as hardware does.
 *
 * A client may be unable to serve our DMA messages while it waits for an answer (QEMU is). If such
 * transfers do not move for a second while an answer is deferred, they end with -EDEADLK. Work by
 * DMA therefore belongs behind posted writes, not behind reads.
 *
 * Context: inside a region, register, reset, dma_unmap callback, or that of a mailbox (lm_doe_t).
 * Return: the token for lm_complete(); 0 if no request is running that can wait, and always with
 *         LM_DEV_THREADS: there a callback just takes its time.
 * Since: 0.2
 */
lm_token_t lm_defer(lm_ctx_t *ctx);

/**
 * lm_complete() - answer a request that was deferred
 * @ctx:    the context
 * @token:  from lm_defer()
 * @result: what the callback would have returned: count, 0, or -errno (of an access: see
 *          lm_region_access_t)
 * @data:   for a read, and an object of a mailbox: the bytes, @result of them (a register: its
 *          value in host order, of its width); else NULL
 *
 * Context: the thread that serves the context; also before the callback that deferred returns.
 * Return: 0; -ENOENT: the client has disconnected, or the token is not known.
 * Since: 0.2
 */
int lm_complete(lm_ctx_t *ctx, lm_token_t token, ssize_t result, const void *data);

/* ---- timers and descriptors on the context's loop -------------------------------- */

/** typedef lm_timer_t - a timer. Opaque. */
typedef struct lm_timer lm_timer_t;

/**
 * lm_timer_create() - make a timer, not armed
 * @ctx:   the context
 * @fn:    called from lm_ctx_poll() when it expires
 * @arg:   for @fn
 *
 * Context: the thread that serves the context.
 * Return: the timer, owned by the caller; NULL with errno: ENOMEM, or of timerfd_create(2).
 * Since: 0.2
 */
lm_timer_t *lm_timer_create(lm_ctx_t *ctx, void (*fn)(void *arg), void *arg);

/**
 * lm_timer_arm() - start, change or stop a timer
 * @timer:       the timer
 * @delay_ns:    from now; 0 stops it. As soon as possible is lm_post(), or 1 here
 * @interval_ns: then every so many nanoseconds, measured from expiry to expiry; 0: once
 *
 * Expiries that could not be served in time are merged into one.
 *
 * Context: the thread that serves the context; also from timer callbacks.
 * Return: 0 or -errno of timerfd_settime(2).
 * Since: 0.2
 */
int lm_timer_arm(lm_timer_t *timer, uint64_t delay_ns, uint64_t interval_ns);

/**
 * lm_timer_destroy() - free a timer
 * @timer: the timer or NULL. lm_ctx_destroy() frees those that are left
 *
 * Context: the thread that serves the context; also from its own callback.
 * Since: 0.2
 */
void lm_timer_destroy(lm_timer_t *timer);

/** typedef lm_watch_t - a descriptor on the context's loop. Opaque. */
typedef struct lm_watch lm_watch_t;

/**
 * lm_watch_create() - be called when a descriptor is ready
 * @ctx:    the context
 * @fd:     borrowed
 * @events: EPOLLIN, EPOLLOUT, ... of epoll_ctl(2), level triggered
 * @fn:     called from lm_ctx_poll() with the events
 * @arg:    for @fn
 *
 * Context: the thread that serves the context.
 * Return: the watch, owned by the caller; NULL with errno: ENOMEM, or of epoll_ctl(2).
 * Since: 0.2
 */
lm_watch_t *lm_watch_create(lm_ctx_t *ctx, int fd, uint32_t events,
			    void (*fn)(void *arg, uint32_t events), void *arg);

/**
 * lm_watch_destroy() - stop watching; call before closing the descriptor
 * @watch: the watch or NULL. lm_ctx_destroy() frees those that are left
 *
 * Context: the thread that serves the context; also from its own callback.
 * Since: 0.2
 */
void lm_watch_destroy(lm_watch_t *watch);

/** typedef lm_poller_t - something that has to be looked at. Opaque. */
typedef struct lm_poller lm_poller_t;

/** enum lm_polling - when it is looked at: lm_poller_set() */
enum lm_polling {
	LM_POLL_OFF,   /* never */
	LM_POLL_TURNS, /* in each turn of the loop: what it sees changes with messages, or wakes the
			* loop by other means (lm_mmap_trap(), a descriptor) */
	LM_POLL_TIMED, /* and each millisecond at least */
};

/**
 * lm_poller_create() - have something looked at, such as doorbells in memory that clients map
 * @ctx: the context
 * @fn:  looks, and does what there is to do, within a bound of its own; returns how much that was,
 *       in units of about a microsecond (commands, say); 0: there was nothing
 * @arg: for @fn
 *
 * Off at first: lm_poller_set(). While work is found, and for 200 microseconds afterwards,
 * lm_ctx_drive() looks without sleeping, and lm_ctx_fd() is readable, so that programs with a loop
 * of their own come back at once. Else it sleeps, for a millisecond at most where LM_POLL_TIMED
 * wants that: a thousand looks a second. After a millisecond's work, and after 256 turns without
 * any, all else is served: messages of the client, timers, musctl.
 *
 * Context: the thread that serves the context.
 * Return: the poller, owned by the caller; NULL with errno: EINVAL: LM_DEV_THREADS; ENOMEM, or of
 *         timerfd_create(2).
 * Since: 0.2
 */
lm_poller_t *lm_poller_create(lm_ctx_t *ctx, unsigned int (*fn)(void *arg), void *arg);

/**
 * lm_poller_set() - when something is looked at, from the next turn on
 * @poller: the poller
 * @when:   enum lm_polling
 *
 * Context: the thread that serves the context; also from its own callback.
 * Since: 0.2
 */
void lm_poller_set(lm_poller_t *poller, int when);

/**
 * lm_poller_destroy() - free a poller
 * @poller: the poller or NULL. lm_ctx_destroy() frees those that are left
 *
 * Context: the thread that serves the context; also from its own callback.
 * Since: 0.2
 */
void lm_poller_destroy(lm_poller_t *poller);

/* ---- work from other threads ----------------------------------------------------- */

/**
 * lm_post() - have a function called by the thread that serves the context
 * @ctx: the context
 * @fn:  called once from lm_ctx_poll(), in the order of the posts
 * @arg: for @fn
 *
 * For threads of the device that finish work: only the serving thread may call most of the library.
 * In a callback it is a bottom half: @fn is called when that and others of the same turn have
 * returned. What was accepted is run, at the latest by the call that says that the context has
 * stopped; unless it is destroyed first.
 *
 * Context: any thread; never blocks. Not from signal handlers.
 * Return: 0; -ENOMEM; -ESHUTDOWN: nobody serves the context any more; -errno of eventfd(2).
 * Since: 0.2
 */
int lm_post(lm_ctx_t *ctx, void (*fn)(void *arg), void *arg);

/**
 * lm_ctx_call() - have a function called by the thread that serves the context, and wait for it
 * @ctx: the context
 * @fn:  as for lm_post()
 * @arg: for @fn
 *
 * Context: any thread but one that serves the context; blocks until @fn has returned.
 * Return: what @fn returned; -EDEADLK: a callback of this context called it; -ESHUTDOWN: nobody
 *         serves the context any more, @fn was not called; -errno of eventfd(2).
 * Since: 0.2
 */
int lm_ctx_call(lm_ctx_t *ctx, int (*fn)(void *arg), void *arg);

/* ---- state ----------------------------------------------------------------------- */

/**
 * lm_state() - memory for the state of the device
 * @ctx: the context
 *
 * lm_dev_info_t.state_size bytes, zero at first, aligned for any type. With LM_DEV_RESTARTABLE on a
 * mediated device it belongs to muser.ko and outlives the process, as do configuration space,
 * interrupts, registers and memory that the library keeps: the next process that serves the device
 * finds all of it as it was when the last one ended, at whatever moment that was, and gets again
 * the requests that were not answered (they are marked in traces). So a device that declares
 * itself restartable keeps all that a guest could notice here, each change before it answers, and
 * no pointers. It is part of lm_ctx_save() too, and all that most devices have to save.
 *
 * Context: any thread.
 * Return: the address, valid as long as the context; NULL if state_size is 0.
 * Since: 0.2
 */
void *lm_state(lm_ctx_t *ctx);

/**
 * lm_ctx_save() - the whole state of a device as one block of bytes
 * @ctx: the context
 * @buf: where to, or NULL to learn the length
 * @len: in: room in @buf; out: length of the state
 *
 * Configuration space and whether its bus mastering counts, interrupt levels and masks, register
 * values and device memory that the library keeps, lm_state(), and what lm_dev_info_t.save gave.
 * Not the client, its DMA map or its eventfds.
 *
 * Context: the thread that serves the context; not while a request is half done.
 * Return: 0; -ENOSPC: @len was too small, and now says how much; -EBUSY: a request is half done:
 *         its callback runs or has deferred it, the writes of a long message are not all made, or
 *         memory that the client takes back is still in use: try again after more turns of the
 *         loop; what @save returned.
 * Since: 0.2
 */
int lm_ctx_save(lm_ctx_t *ctx, void *buf, size_t *len);

/**
 * lm_ctx_load() - take back a state
 * @ctx: a context of the same description
 * @buf: what lm_ctx_save() wrote; may come from a stranger: it is validated before anything changes
 * @len: bytes
 *
 * What is not a state of this device, or not a whole one, is rejected, and a message says why: the
 * bytes are none, another version (state_version as well), another device, a part that this one
 * does not have.
 *
 * Context: the thread that serves the context; not while a request is half done.
 * Return: 0; -EINVAL: it is rejected; -EBUSY: as lm_ctx_save() says; what
 *         lm_dev_info_t.load returned (then the device is reset).
 * Since: 0.2
 */
int lm_ctx_load(lm_ctx_t *ctx, const void *buf, size_t len);

#ifdef __cplusplus
}
#endif

#endif /* MUSER_H */
