/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * muser.h - the server side of libmuser as programs of 0.2 see it: a draft, until 0.2 is released.
 *
 * lib/muser.h without its comments, as it was last looked at. tests/lint/abi.sh reports
 * what differs today.
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

#define LM_VERSION_MAJOR 0
#define LM_VERSION_MINOR 2
#define LM_VERSION_PATCH 0

typedef struct lm_ctx lm_ctx_t;

typedef uint64_t dma_addr_t;

typedef int64_t lm_off_t;

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

enum {
	LM_DEV_INTX_IRQ_IDX,
	LM_DEV_MSI_IRQ_IDX,
	LM_DEV_MSIX_IRQ_IDX,
	LM_DEV_ERR_IRQ_IDX,
	LM_DEV_REQ_IRQ_IDX,
	LM_DEV_NUM_IRQS,
};

#define LM_MAX_CAPS 16

#define LM_REG_FLAG_READ     (1u << 0)
#define LM_REG_FLAG_WRITE    (1u << 1)
#define LM_REG_FLAG_RW       (LM_REG_FLAG_READ | LM_REG_FLAG_WRITE)
#define LM_REG_FLAG_MMAP     (1u << 2)
#define LM_REG_FLAG_MEM      (1u << 3)
#define LM_REG_FLAG_64BIT    (1u << 4)
#define LM_REG_FLAG_PREFETCH (1u << 5)

typedef ssize_t (lm_region_access_t)(void *pvt, char *buf, size_t count, lm_off_t offset,
				     bool is_write);

typedef struct {
	lm_ctx_t *ctx;
	char     *buf;
	size_t    count;
	uint64_t  offset;
	uint32_t  region;
	bool      is_write;
} lm_region_io_t;

typedef unsigned long (lm_map_region_t)(void *pvt, unsigned long pgoff, unsigned long len);

typedef struct {
	uint64_t offset;
	uint64_t size;
} lm_mmap_area_t;

typedef struct {
	uint64_t offset;
	uint32_t size;
	uint32_t flags;
	uint64_t datamatch;
	int      fd;
	uint32_t reserved;
} lm_ioeventfd_t;

#define LM_IOEVENTFD_DATAMATCH (1u << 0)

enum lm_access {
	LM_RW,
	LM_RO,
	LM_WO,
	LM_RW1C,
};

#define LM_REGISTER_PURE (1u << 0)

typedef struct {
	const char *name;
	uint8_t     shift;
	uint8_t     bits;
	uint8_t     reserved[6];
	const char *help;
} lm_field_t;

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

#define LM_IRQ_FLAG_MASKABLE (1u << 0)
#define LM_IRQ_FLAG_LEVEL    (1u << 1)

typedef struct {
	const char *name;
	uint32_t    count;
	uint32_t    flags;
	uint64_t    reserved[2];
} lm_irq_info_t;

typedef union {
	uint32_t raw;
	__extension__ struct {
		uint16_t vid;
		uint16_t did;
	};
} lm_pci_hdr_id_t;

typedef union {
	uint32_t raw;
	__extension__ struct {
		uint16_t vid;
		uint16_t sid;
	};
} lm_pci_hdr_ss_t;

typedef struct {
	uint8_t pi;
	uint8_t scc;
	uint8_t bcc;
} lm_pci_hdr_cc_t;

typedef struct {
	uint32_t        irq_count[LM_DEV_NUM_IRQS];
	lm_reg_info_t   reg_info[LM_DEV_NUM_REGS];
	lm_pci_hdr_id_t id;
	lm_pci_hdr_ss_t ss;
	lm_pci_hdr_cc_t cc;
	uint8_t         rev;
	uint8_t         intx_pin;
	uint8_t         reserved[31];
} lm_pci_info_t;

typedef ssize_t (lm_cap_access_t)(void *pvt, uint8_t id, char *buf, size_t count, lm_off_t offset,
				  bool is_write);

typedef struct {
	const char *keyword;
	const char *value;
	uint32_t    room;
	uint32_t    reserved;
} lm_vpd_field_t;

typedef struct {
	const char           *name;
	const lm_vpd_field_t *fields;
	uint32_t              nr_fields;
	uint32_t              size;
	const void           *data;
	void                (*written)(void *pvt, uint32_t offset, const void *data, uint32_t len);
	uint64_t              reserved[2];
} lm_vpd_t;

typedef struct {
	uint8_t          id;
	uint8_t          offset;
	size_t           size;
	lm_cap_access_t *fn;
	const void      *data;
	const void      *wmask;
	__extension__ union {
		struct { uint8_t bar; uint32_t table; uint32_t pba; } msix;
		struct { bool addr32; bool no_mask; } msi;

		struct { uint8_t type; bool flr; uint8_t link_speed; uint8_t link_width; } exp;
		struct { bool soft_reset; } pm;
		const lm_vpd_t *vpd;
		uint64_t reserved[4];
	};
} lm_cap_t;

typedef struct {
	uint16_t vendor;
	uint8_t  type;
	uint8_t  reserved[5];
} lm_doe_type_t;

typedef struct {
	lm_ctx_t            *ctx;
	const struct lm_doe *doe;
	const void          *data;
	size_t               len;
	lm_doe_type_t        kind;
} lm_doe_request_t;

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

#define LM_DOE_IRQ (1u << 0)

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

enum lm_prop_type {
	LM_PROP_CALLS,
	LM_PROP_UINT,
	LM_PROP_BOOL,
	LM_PROP_ENUM,
	LM_PROP_TEXT,
};

#define LM_PROP_RO     (1u << 0)
#define LM_PROP_CREATE (1u << 1)

#define LM_PROPS(array) .props = (array), .nr_props = LM_NR(array), \
			.prop_size = sizeof((array)[0])

int lm_prop_reject(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

const char *lm_prop_reason(void);

enum lm_log_level { LM_LOG_ERR, LM_LOG_WARN, LM_LOG_INFO, LM_LOG_DEBUG };

typedef void (lm_log_t)(void *pvt, int level, const char *msg);

#define LM_DEV_LISTEN_FD  (1u << 0)
#define LM_DEV_CONN_FD    (1u << 1)
#define LM_DEV_NO_CONTROL (1u << 2)
#define LM_DEV_BUSY_POLL  (1u << 3)
#define LM_DEV_NO_MMAP    (1u << 4)
#define LM_DEV_STRICT_DMA (1u << 5)
#define LM_DEV_MDEV       (1u << 6)
#define LM_DEV_RESTARTABLE (1u << 7)
#define LM_DEV_THREADS    (1u << 8)
#define LM_DEV_ALWAYS_MASTER (1u << 9)

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

#define lm_ctx_create(dev_info) lm_ctx_create_sized((dev_info), sizeof(*(dev_info)))

lm_ctx_t *lm_ctx_create_sized(const lm_dev_info_t *dev_info, size_t size);

int lm_ctx_drive(lm_ctx_t *ctx);

int lm_ctx_poll(lm_ctx_t *ctx);

#define lm_main(argc, argv, dev_info) \
	lm_main_sized((argc), (argv), (dev_info), sizeof(*(dev_info)))

int lm_main_sized(int argc, char **argv, const lm_dev_info_t *dev_info, size_t size);

int lm_ctx_fd(const lm_ctx_t *ctx);

void lm_ctx_stop(lm_ctx_t *ctx);

void lm_ctx_destroy(lm_ctx_t *ctx);

const char *lm_ctx_uuid(const lm_ctx_t *ctx);

const char *lm_ctx_socket(const lm_ctx_t *ctx);

void *lm_ctx_pvt(const lm_ctx_t *ctx);

const char *lm_version(void);

void lm_log(lm_ctx_t *ctx, int level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

int lm_event(lm_ctx_t *ctx, const char *name, uint64_t value);

#define LM_IRQ_DELIVERED 0
#define LM_IRQ_PENDING   1

void lm_note(lm_ctx_t *ctx, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

int lm_irq_trigger(lm_ctx_t *ctx, uint32_t subindex);

int lm_irq_trigger_index(lm_ctx_t *ctx, uint32_t index, uint32_t subindex);

int lm_irq_set_level(lm_ctx_t *ctx, bool level);

int lm_irq_assert(lm_ctx_t *ctx, uint32_t cause, bool asserted);

uint32_t lm_irq_enabled(lm_ctx_t *ctx, uint32_t *vectors);

typedef struct {
	dma_addr_t dma_addr;
	uint64_t   length;
	void      *region;
	uint64_t   generation;
	uint64_t   reserved;
} dma_sg_t;

int lm_addr_to_sg(lm_ctx_t *ctx, dma_addr_t dma_addr, uint32_t len, dma_sg_t *sg, int max_sg);

int lm_map_sg(lm_ctx_t *ctx, int prot, const dma_sg_t *sg, struct iovec *iov, int cnt);

void lm_unmap_sg(lm_ctx_t *ctx, const dma_sg_t *sg, struct iovec *iov, int cnt);

int lm_dma_read(lm_ctx_t *ctx, const dma_sg_t *sg, void *data);

int lm_dma_write(lm_ctx_t *ctx, const dma_sg_t *sg, const void *data);

typedef void (lm_dma_done_t)(void *arg, int result);

int lm_dma_read_async(lm_ctx_t *ctx, const dma_sg_t *sg, void *data, lm_dma_done_t *done,
		      void *arg);

int lm_dma_write_async(lm_ctx_t *ctx, const dma_sg_t *sg, const void *data, lm_dma_done_t *done,
		       void *arg);

int lm_dma_read_at(lm_ctx_t *ctx, dma_addr_t addr, void *data, uint64_t len);

int lm_dma_write_at(lm_ctx_t *ctx, dma_addr_t addr, const void *data, uint64_t len);

int lm_dma_read_at_async(lm_ctx_t *ctx, dma_addr_t addr, const struct iovec *data,
			 lm_dma_done_t *done, void *arg);

int lm_dma_write_at_async(lm_ctx_t *ctx, dma_addr_t addr, const struct iovec *data,
			  lm_dma_done_t *done, void *arg);

int lm_dma_store(lm_ctx_t *ctx, dma_addr_t addr, unsigned int width, uint64_t value);

int lm_dma_load(lm_ctx_t *ctx, dma_addr_t addr, unsigned int width, uint64_t *value);

typedef struct {
	dma_sg_t     *sg;
	struct iovec *iov;
	uint32_t      max;
	uint32_t      nr;
	uint32_t      needed;
	uint32_t      reserved;
} lm_dma_hold_t;

int lm_dma_hold(lm_ctx_t *ctx, int prot, dma_addr_t addr, uint64_t len, lm_dma_hold_t *hold);

void lm_dma_release(lm_ctx_t *ctx, lm_dma_hold_t *hold);

int lm_sigbus_guard(void);

void *lm_mmap(lm_ctx_t *ctx, uint32_t region, uint64_t offset, size_t length);

int lm_mmap_trap(lm_ctx_t *ctx, uint32_t region, uint64_t offset, size_t length, bool on);

uint32_t lm_cap_find(const lm_ctx_t *ctx, uint16_t id, bool extended, uint32_t nth);

enum lm_reset_reason {
	LM_RESET_NONE,
	LM_RESET_CLIENT,
	LM_RESET_FLR,
	LM_RESET_PM,
	LM_RESET_CONTROL,
	LM_RESET_LOAD,
};

uint32_t lm_reset_reason(const lm_ctx_t *ctx);

uint64_t lm_session(const lm_ctx_t *ctx);

uint64_t lm_register_get(const lm_ctx_t *ctx, uint32_t region, uint64_t offset);

int lm_register_set(lm_ctx_t *ctx, uint32_t region, uint64_t offset, uint64_t value);

int lm_config_read(const lm_ctx_t *ctx, uint32_t offset, void *buf, size_t len);

int lm_config_write(lm_ctx_t *ctx, uint32_t offset, const void *buf, size_t len);

typedef uint64_t lm_token_t;

#define LM_DEFER (-4096)

lm_token_t lm_defer(lm_ctx_t *ctx);

int lm_complete(lm_ctx_t *ctx, lm_token_t token, ssize_t result, const void *data);

typedef struct lm_timer lm_timer_t;

lm_timer_t *lm_timer_create(lm_ctx_t *ctx, void (*fn)(void *arg), void *arg);

int lm_timer_arm(lm_timer_t *timer, uint64_t delay_ns, uint64_t interval_ns);

void lm_timer_destroy(lm_timer_t *timer);

typedef struct lm_watch lm_watch_t;

lm_watch_t *lm_watch_create(lm_ctx_t *ctx, int fd, uint32_t events,
			    void (*fn)(void *arg, uint32_t events), void *arg);

void lm_watch_destroy(lm_watch_t *watch);

typedef struct lm_poller lm_poller_t;

enum lm_polling {
	LM_POLL_OFF,
	LM_POLL_TURNS,
	LM_POLL_TIMED,
};

lm_poller_t *lm_poller_create(lm_ctx_t *ctx, unsigned int (*fn)(void *arg), void *arg);

void lm_poller_set(lm_poller_t *poller, int when);

void lm_poller_destroy(lm_poller_t *poller);

int lm_post(lm_ctx_t *ctx, void (*fn)(void *arg), void *arg);

int lm_ctx_call(lm_ctx_t *ctx, int (*fn)(void *arg), void *arg);

void *lm_state(lm_ctx_t *ctx);

int lm_ctx_save(lm_ctx_t *ctx, void *buf, size_t *len);

int lm_ctx_load(lm_ctx_t *ctx, const void *buf, size_t len);

#ifdef __cplusplus
}
#endif

#endif
