#include "access/finder_note.h"

const char finder_note[] = "\xEF\xBB\xBF"
	"拾得された方へ\r\n"
	"この媒体には、業務で使用する情報が暗号化されて保管されています。中身を読むことはできません。\r\n"
	"お手数ですが、お近くの警察署または媒体の外側に記された連絡先へお届けください。\r\n"
	"ファイルの変更や削除はしないでください。\r\n"
	"\r\n"
	"To the finder\r\n"
	"This medium holds work data in encrypted form. Its content cannot be read.\r\n"
	"Please hand it to the police or to the contact written on the outside of the medium.\r\n"
	"Please do not change or delete its files.\r\n";
