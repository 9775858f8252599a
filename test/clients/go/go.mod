module erp

go 1.26
