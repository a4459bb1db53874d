/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * info_check.c - whether a device can be what its description says, as a whole.
 *
 * Refuses flags that contradict each other, callbacks without their other half, members of PCI for
 * a device without it, and what this library does not know; warns of what works and is hardly
 * meant. Names are name.c's; regions, registers, capabilities and interrupts of PCI are checked
 * where they are made.
 */
#include <string.h>

#include "base/bus.h"
#include "base/prop.h"
#include "info.h"
#include "region/name.h"

#define KNOWN_FLAGS                                                                               \
	(LM_DEV_LISTEN_FD | LM_DEV_CONN_FD | LM_DEV_NO_CONTROL | LM_DEV_BUSY_POLL |               \
	 LM_DEV_NO_MMAP | LM_DEV_STRICT_DMA | LM_DEV_MDEV | LM_DEV_RESTARTABLE | LM_DEV_THREADS | \
	 LM_DEV_ALWAYS_MASTER | LM_DEV_NO_ERR_REQ | LM_DEV_PLATFORM)
#define KNOWN_IRQ_FLAGS  (LM_IRQ_FLAG_MASKABLE | LM_IRQ_FLAG_LEVEL)
#define KNOWN_PROP_FLAGS (LM_PROP_RO | LM_PROP_CREATE | LM_PROP_HEX | LM_PROP_BYTES)
#define PERMISSIONS      0777
#define VECTORS_MAX      2048u /* as many as MSI-X has */

static const char *info_fault(const lm_dev_info_t *info)
{
	const uint32_t fds = info->flags & (LM_DEV_LISTEN_FD | LM_DEV_CONN_FD);
	const bool mdev = info->flags & LM_DEV_MDEV;

	if (info->flags & ~KNOWN_FLAGS)
		return "a flag that this libmuser does not know";
	if (fds == (LM_DEV_LISTEN_FD | LM_DEV_CONN_FD))
		return "LM_DEV_LISTEN_FD and LM_DEV_CONN_FD are mutually exclusive";
	if (fds && info->fd < 0)
		return "fd is not a descriptor";
	if (fds && info->socket_path)
		return "fd and socket_path are mutually exclusive";
	if (mdev && (info->socket_path || fds))
		return "a mediated device has no socket: neither fd nor socket_path";
	if (mdev && !info->uuid)
		return "LM_DEV_MDEV requires the UUID of an mdev: uuid, --uuid or MUSER_UUID";
	if ((info->flags & LM_DEV_THREADS) && (info->flags & LM_DEV_BUSY_POLL))
		return "LM_DEV_BUSY_POLL and LM_DEV_THREADS are mutually exclusive";
	if ((info->flags & LM_DEV_NO_CONTROL) && !info->socket_path && !fds && !mdev)
		return "LM_DEV_NO_CONTROL requires socket_path or fd";
	if (info->has_ctx && !info->pvt)
		return "LM_CTX_IN requires pvt";
	if (info->reserved || !all_zero(info->pci_info.reserved, sizeof(info->pci_info.reserved)))
		return "a reserved member is not 0";
	if (info->socket_mode & ~PERMISSIONS)
		return "socket_mode has more than permission bits (it is octal: 0660)";
	if (info->save && !info->load)
		return "save requires load";
	return NULL;
}

/* ---- without PCI ----------------------------------------------------------------- */

/* What is PCI's alone, and where its place is without. */
static const char *platform_fault(const lm_dev_info_t *info)
{
	static const lm_pci_info_t none;
	const lm_pci_info_t *pci = &info->pci_info;

	if (memcmp(pci->irq_count, none.irq_count, sizeof(none.irq_count)))
		return "pci_info.irq_count is PCI's: the interrupts are irqs";
	if (memcmp(pci->reg_info, none.reg_info, sizeof(none.reg_info)))
		return "pci_info.reg_info is PCI's: the regions are extra_regs, from index 0 on";
	if (memcmp(pci, &none, sizeof(none)))
		return "pci_info is PCI's: ids, class, revision and intx_pin must be 0";
	if (info->caps[0].id || info->nr_caps || info->nr_ext_caps)
		return "caps, cap_list and ext_caps are PCI's: there are no capabilities";
	if (info->flags & (LM_DEV_ALWAYS_MASTER | LM_DEV_NO_ERR_REQ))
		return "LM_DEV_ALWAYS_MASTER and LM_DEV_NO_ERR_REQ are PCI's";
	if (info->flags & LM_DEV_MDEV)
		return "muser.ko serves PCI devices only: use a socket (--transport=vfio-user)";
	if (!info->nr_extra_regs && !info->nr_irqs)
		return "the device has neither extra_regs nor irqs: nobody could use it";
	return NULL;
}

static const char *irq_fault(const lm_irq_info_t *irq, uint32_t before)
{
	if (irq->flags & ~KNOWN_IRQ_FLAGS)
		return "a flag that this libmuser does not know";
	if (!all_zero(irq->reserved, sizeof(irq->reserved)))
		return "a reserved member is not 0";
	if (!irq->count)
		return "its count is 0";
	if (irq->flags & LM_IRQ_FLAG_LEVEL && irq->count > 1)
		return "a level has one vector: count must be 1";
	return irq->count > VECTORS_MAX - before ? "more than 2048 vectors in all" : NULL;
}

static int check_irqs(const lm_dev_info_t *info)
{
	const char *fault = NULL;
	uint32_t i, nr = 0;

	for (i = 0; i < info->nr_irqs; i++) {
		fault = irq_fault(&info->irqs[i], nr);
		if (fault) {
			log_info(info, LM_LOG_ERR, "irqs[%u]: %s", i, fault);
			return -EINVAL;
		}
		nr += info->irqs[i].count;
	}
	return 0;
}

static int check_bus(const lm_dev_info_t *info)
{
	const bool is_pci = bus_is_pci(info);
	const char *fault = is_pci ? NULL : platform_fault(info);

	if (is_pci && info->nr_irqs)
		fault = "it alone has irqs, those of PCI are pci_info.irq_count";
	if (fault)
		log_info(info, LM_LOG_ERR, "LM_DEV_PLATFORM: %s", fault);
	return fault ? -EINVAL : check_irqs(info);
}

/* ---- all ------------------------------------------------------------------------- */

static int check_props(const lm_dev_info_t *info)
{
	uint32_t i;

	for (i = 0; i < info->nr_props; i++) {
		const lm_prop_t *p = &info->props[i];
		const char *fault = prop_variable_fault(p);

		if (p->flags & ~KNOWN_PROP_FLAGS)
			fault = "a flag that this libmuser does not know";
		else if (!fault && p->type && !info->pvt)
			fault = "there is no pvt, where its variable is";
		else if (!fault && !p->type && !info->prop_get)
			fault = "there is no prop_get";
		else if (!fault && !p->type && !p->flags && !info->prop_set)
			fault = "it can be set, but there is no prop_set";
		if (fault) {
			log_info(info, LM_LOG_ERR, "property %u, %s: %s", i, p->name, fault);
			return -EINVAL;
		}
		if (p->value && p->flags == LM_PROP_RO)
			log_info(info, LM_LOG_WARN,
				 "property %u, %s: it is read-only: its "
				 "default is never set",
				 i, p->name);
	}
	return 0;
}

int info_check_props(const lm_dev_info_t *info)
{
	return name_check_props(info) ?: check_props(info);
}

int info_check(const lm_dev_info_t *info)
{
	const lm_pci_info_t *pci = &info->pci_info;
	const char *fault = info_fault(info);
	int ret;

	if (fault)
		log_info(info, LM_LOG_ERR, "%s", fault);
	ret = fault ? -EINVAL : check_bus(info);
	ret = ret ?: name_check_device(info);
	ret = ret ?: name_check_bus(info);
	if (ret)
		return ret;
	if (bus_is_pci(info) && (!pci->id.vid || pci->id.vid == 0xffff))
		log_info(info, LM_LOG_WARN, "vendor id %04xh: guests see an empty slot",
			 pci->id.vid);
	if (pci->intx_pin && !pci->irq_count[LM_DEV_INTX_IRQ_IDX])
		log_info(info, LM_LOG_WARN, "intx_pin %u without INTx in irq_count", pci->intx_pin);
	return 0;
}
